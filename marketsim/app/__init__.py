"""The composition root: a scenario and the registry become a simulation, and a simulation becomes a run."""
