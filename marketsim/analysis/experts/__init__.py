"""Days that experts solve, and plans that are verified."""
