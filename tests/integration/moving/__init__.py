"""The way over from the two systems that this one replaces, on databases shaped as theirs."""
