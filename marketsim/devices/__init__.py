"""Device fleets: battery, electric vehicle, heat pump, curtailable load, dispatchable generator."""
