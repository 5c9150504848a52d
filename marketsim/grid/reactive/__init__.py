"""Reactive power of loads and inverters."""
