"""Weights of members held against each other on communities that no policy has seen: rules, and policies that were trained."""
