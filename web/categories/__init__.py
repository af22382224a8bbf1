"""The categories of crime, and those that are not known yet: for pages and programs."""
