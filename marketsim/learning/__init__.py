"""Learning: networks, losses, algorithms, checkpoints. torch lives here, and is loaded when it is used."""
