"""Gates that screen trades by linear sensitivities, and solve at the end of the slot."""
