"""What is done with whole runs: the bench, and later studies and comparisons."""
