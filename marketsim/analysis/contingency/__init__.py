"""What happens to a feeder when a part of it fails."""
