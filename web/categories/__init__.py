"""List the categories, and the unknown categories of the source yet: for pages and programs."""
