"""What the forces supplied: known gaps, for pages and programs."""
