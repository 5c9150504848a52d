"""Reports that people look at: a run or a study as one HTML file that needs no network."""
