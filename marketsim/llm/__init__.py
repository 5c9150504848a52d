"""Asks language models: hosts, deadlines, a breaker, an event loop, answers kept. Knows no part that has a question."""
