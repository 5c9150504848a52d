"""Agent-based simulator of peer-to-peer electricity markets on a physical feeder."""
