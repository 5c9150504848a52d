"""Fairness of a market: measures as pure functions, KPIs, and critics that score a slot."""
