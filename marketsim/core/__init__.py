"""The core: records, ports and the slot. It knows numpy and nothing else."""
