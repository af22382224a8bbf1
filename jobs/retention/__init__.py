"""Retention: crimes and runs that are older than the settings say are deleted for good."""
