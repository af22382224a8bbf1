"""The police archive: one zip, or a folder, with the street-level crimes of every force and month of a release."""
