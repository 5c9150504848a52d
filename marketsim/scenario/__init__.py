"""Scenarios: YAML to a validated, frozen model, every problem at once with its place."""
