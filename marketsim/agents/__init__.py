"""Market participants: Mesa agents as views of a simulation, and the strategies that decide for them."""
