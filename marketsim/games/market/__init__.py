"""The market as a game: price, quantity and charge level, slot by slot."""
