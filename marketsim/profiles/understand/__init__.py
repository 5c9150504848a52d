"""What a table of somebody's own means: how it is written, what its columns are, and a section of a scenario that reads it."""
