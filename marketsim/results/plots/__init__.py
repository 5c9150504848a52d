"""Figures of a run for papers, drawn with matplotlib (extra ``plots``)."""
