"""Contract kits and small worlds for the authors of plugins; hypothesis is needed only by what says so."""
