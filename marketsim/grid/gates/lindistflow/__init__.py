"""The linearised feeder (LinDistFlow) as a gate: what most papers check trades with."""
