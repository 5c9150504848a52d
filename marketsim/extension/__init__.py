"""How parts enter the program: hook specifications, the registry, entry points and plugin files."""
