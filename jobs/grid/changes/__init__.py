"""Two periods held against each other, cell by cell."""
