"""Whether a cell has more crimes than usual, against its own past."""
