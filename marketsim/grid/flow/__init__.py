"""Power flow: the sweep of radial feeders, independent solvers, and what is asked of them beside a gate."""
