"""Whether the tests notice a small fault in the modules that may have none."""
