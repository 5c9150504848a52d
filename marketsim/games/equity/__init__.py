"""Weights of members as a game: who gets more of what is scarce and shared, a step a day."""
