"""Agents that play set-points: what their devices do, and what of it becomes dispatch and orders."""
