"""Experts that were written from words, as the expert of a scenario: read, stacked, and kept within the voltage band."""
