"""The grid as files for other programs."""
