"""Proximal policy optimisation of Gaussian policies, with the trust region of ``ppo``."""
