"""What learners of numbers share: policies that act, playing, what was played, checkpoints, and the loop of a training."""
