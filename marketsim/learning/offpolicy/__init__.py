"""Off-policy learners of numbers: soft actor-critic, and the deterministic MATD3 and MADDPG."""
