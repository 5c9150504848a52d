"""``python -m marketsim``."""

from marketsim.cli.main import main

if __name__ == "__main__":
    main()
