"""KPIs of a run that are no fairness measures: energy, money, efficiency, grid, laws."""
