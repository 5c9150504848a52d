"""Order books, matching engines, tariffs and the settlement ledger."""
