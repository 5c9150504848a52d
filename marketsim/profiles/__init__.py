"""Series of load, PV, heat and vehicles for every agent and slot, and forecasts of them."""
