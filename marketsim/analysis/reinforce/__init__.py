"""What it is worth to reinforce a feeder instead of curtailing."""
