"""What can be wrong with a user, a token or a session."""

import datetime as dt

from jobs.errors import SafegridError


class PersonError(SafegridError):
    """A user or token that cannot be had; `field` is what is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class WrongPassword(PersonError):
    """The password that is asked for again is wrong."""

    def __init__(self) -> None:
        super().__init__("old", "This is not your current password")


class TokenExpired(SafegridError):
    """A token that was right until it expired."""

    def __init__(self, since: dt.datetime) -> None:
        super().__init__(
            f"This token expired on {since:%Y-%m-%d at %H:%M} UTC. An operator can make a new one on the page People"
        )


class UnknownPerson(SafegridError):
    """A user, token or session that is not there."""
