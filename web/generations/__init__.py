"""The generations of the grid: which are kept, an earlier one published again, rebuilds resumed."""
