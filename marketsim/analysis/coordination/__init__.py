"""Whether a community that plans together does better than its market, and than the utility alone."""
