"""What-if studies: values varied over a scenario, one table of what each run came to, figures, an answer."""
