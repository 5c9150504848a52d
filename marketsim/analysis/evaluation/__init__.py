"""Comparison of trained and untrained markets on days that no policy has seen."""
