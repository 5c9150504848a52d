"""Trading as a game of discrete actions: what learning agents see, and what their actions do in the market."""
