"""Ways through the grid: the crimes of a corridor along a line, segment by segment."""
