"""What is published: months that come out, and months that come out again with changes."""

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.standins.police.catalogue import is_month
from tests.standins.police.crimes import Crimes, from_records
from tests.standins.police.sources import Source


class Release:
    """The published months and their crimes as they stand now; months are loaded when first asked for."""

    def __init__(self, source: Source, published: Iterable[str] | None = None) -> None:
        self.source = source
        self.offer(source.months() if published is None else published)
        self._crimes: dict[tuple[str, str], Crimes] = {}
        self._lock = threading.RLock()

    def offer(self, months: Iterable[str]) -> None:
        """Set the published months. ValueError for none, or for what is no month."""
        self.published = sorted(set(months))
        if not self.published or not all(map(is_month, self.published)):
            raise ValueError(f"Published must be one month or more as YYYY-MM, not {self.published}")

    def forces(self, month: str) -> list[str]:
        """The forces with crimes in a month: those of the source, and those that a revision brought in."""
        with self._lock:
            revised = {force for loaded, force in self._crimes if loaded == month}
        return sorted(revised.union(self.source.forces(month)))

    def crimes(self, month: str, force: str) -> Crimes:
        with self._lock:
            if (month, force) not in self._crimes:
                held = force in self.source.forces(month)
                crimes = self.source.crimes(month, force) if held else from_records(month, force, [])
                self._crimes[month, force] = crimes
            return self._crimes[month, force]

    def revise(
        self,
        month: str,
        force: str,
        *,
        change: Mapping[int, Mapping[str, Any]],
        remove: Collection[int],
        add: Iterable[Mapping[str, Any]],
        renumber: bool,
    ) -> None:
        """Change fields of some crimes by id, remove others, add new ones; then move every id on by one.

        ValueError for an id that the force does not have in that month.
        """
        with self._lock:
            old = self.crimes(month, force)
            touched = {*change, *remove}
            if unknown := touched - set(old.ids.tolist()):
                raise ValueError(f"No crime of {force} in {month} has the id {', '.join(map(str, sorted(unknown)))}")
            changed = [{**record, **change[record["id"]]} for record in old.records() if record["id"] in change]
            next_id = int(old.ids.max(initial=-1)) + 1
            new = from_records(month, force, [*changed, *add], start=next_id)
            revised = old.without(touched).followed_by(new)
            self._crimes[month, force] = replace(revised, ids=revised.ids + renumber)
