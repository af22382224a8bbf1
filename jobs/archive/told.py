"""Which rows of a file tell of the same crime: the archive has no id that could be trusted alone."""

from typing import Any


class Told:
    """Which crimes were told already, by the ids that outlast a release.

    An id alone is no crime: some stand twice in a month at two places, and Northern Ireland uses its ids again. What
    is equal in all but the outcome is one crime. Without an id all are crimes of their own.
    """

    def __init__(self) -> None:
        self._facts: dict[str, tuple[Any, ...] | set[tuple[Any, ...]]] = {}

    def again(self, crime_id: str | None, facts: tuple[Any, ...]) -> bool:
        """Whether this crime was told already; from now on it was."""
        if not crime_id:
            return False
        known = self._facts.setdefault(crime_id, facts)
        if known is facts:
            return False
        if not isinstance(known, set):
            known = self._facts[crime_id] = {known}
        if facts in known:
            return True
        known.add(facts)
        return False
