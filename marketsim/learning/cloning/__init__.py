"""Behaviour cloning: policies that do what an expert would."""
