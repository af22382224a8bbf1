"""Places by name: the streets that held points are named after, found without any other service."""
