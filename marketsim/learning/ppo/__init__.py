"""Proximal policy optimisation of many agents: networks, update, training, and what its checkpoints hold."""
