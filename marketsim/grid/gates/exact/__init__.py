"""The exact gate: every trade checked by AC power flow while it is matched."""
