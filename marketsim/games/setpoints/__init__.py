"""The game of set-points: what generators, batteries, loads, PV and inverters do, slot by slot."""
