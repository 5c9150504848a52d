"""Learning of numbers by the slopes of a game, carried back from the end of an episode to its beginning."""
