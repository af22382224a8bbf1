"""Measurements of what the project promises, each beside what it is compared with."""
