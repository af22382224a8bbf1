"""When a run is to begin: now, or at a time that whoever asks for it names."""

import datetime as dt

from jobs.errors import ParameterError

PARAMETER = "due_at"
"""Beside the parameters of every job; no job has one of its own by this name."""
LATEST = dt.timedelta(days=366)
_EXPECTED = "must be a time such as 2024-05-01T03:00Z (without a zone: UTC)"


def time(job: str, text: str) -> dt.datetime | None:
    """The time that a text says, none for an empty one. Raises ParameterError.

    One that has passed is as good as now.
    """
    if not text.strip():
        return None
    try:
        # A plus that an address carries unescaped arrives as a space.
        found = dt.datetime.fromisoformat(text.strip().replace(" +", "+").replace(" ", "+" if "T" in text else "T"))
        found = found.replace(tzinfo=found.tzinfo or dt.UTC).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ParameterError(job, {PARAMETER: f"{_EXPECTED} (given: {text[:100]})"}) from None
    if found > dt.datetime.now(dt.UTC) + LATEST:
        raise ParameterError(job, {PARAMETER: f"must be within {LATEST.days} days (given: {text[:100]})"})
    return found
