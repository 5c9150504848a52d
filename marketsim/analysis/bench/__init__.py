"""Speed of the program against references measured in the same run."""
