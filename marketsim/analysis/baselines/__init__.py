"""What needs neither an expert nor a training: rules that play the game of set-points."""
