"""Experts that plan a day: convex programmes, rules, and plans as feedback."""
