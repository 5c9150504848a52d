"""Runs side by side: what differs, and whether it differs beyond the noise between seeds."""
