"""``python -m marketsim``."""

from marketsim.core.child import forget_current_folder

if __name__ == "__main__":
    forget_current_folder()  # before anything else is imported: it may be a stranger's

    from marketsim.cli.main import main

    main()
