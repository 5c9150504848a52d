"""Centralised critics, a value an agent: a network over everything, plain attention, differential attention."""
