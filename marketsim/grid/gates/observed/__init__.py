"""Free trade, with what it violates recorded."""
