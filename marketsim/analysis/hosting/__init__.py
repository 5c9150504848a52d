"""Hosting capacity: how much of a technology a feeder takes before a limit breaks."""
