"""What the border of an area is, and how files that people have of one are read."""
