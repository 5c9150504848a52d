"""Gates and mechanisms side by side: what each costs, prevents, and is worth where the model is wrong."""
