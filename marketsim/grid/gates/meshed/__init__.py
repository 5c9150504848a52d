"""The gate of meshed nets."""
