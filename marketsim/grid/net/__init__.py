"""Nets: names, files, tables, and the feeder that is made of them. pandapower lives here."""
