"""The command line; click lives here, and nobody else prints."""
