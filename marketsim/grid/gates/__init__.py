"""Gates: how trades are held to the limits of the grid, one module a mode."""
