"""Rules of cost sharing: who is to have paid what for a finished period."""
