"""What can be wrong with a user, a token or a session."""

from jobs.errors import SafegridError


class PersonError(SafegridError):
    """A user or token that cannot be had; `field` is what is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class WrongPassword(PersonError):
    """The password that is asked for again is wrong."""

    def __init__(self) -> None:
        super().__init__("old", "This is not your password")


class UnknownPerson(SafegridError):
    """A user, token or session that is not there."""
