"""What is wrong with a border."""

from jobs.errors import WrongCall


class AreaError(WrongCall):
    """An area that cannot be held."""


class BorderRefused(AreaError):
    """A file or document that describes no border. The message says what is wrong, and where."""
