"""The game as an environment of other libraries: PettingZoo lives here."""
