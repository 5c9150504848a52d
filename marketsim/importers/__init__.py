"""Importers: data of others as a scenario with its tables."""
