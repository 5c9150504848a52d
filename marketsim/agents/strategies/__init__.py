"""Strategies. Each is a pricing rule and a plan of its agents' devices; neither knows the other."""
