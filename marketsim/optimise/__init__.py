"""Linear programmes of a slot and of a day. Stands between the core and its neighbours, as what several of them use."""
