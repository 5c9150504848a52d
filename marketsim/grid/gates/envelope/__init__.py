"""Operating envelopes: limits of connections, settled when the slot opens."""
