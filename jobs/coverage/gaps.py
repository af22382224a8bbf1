"""Gaps that are known: months that a force did not supply, or not whole."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from jobs.errors import WrongCall
from jobs.models.coverage import KINDS, KnownGap
from jobs.months import month_text


class GapError(WrongCall):
    """A gap that cannot be noted or deleted."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class UnknownGap(GapError):
    """A number that no gap has."""

    def __init__(self, gap_id: int) -> None:
        super().__init__(f"There is no known gap {gap_id}: `safegrid gap list` shows all")


@dataclass(frozen=True)
class Gap:
    """Months of a force, both included, that are missing, partial or late."""

    force: str
    first_month: dt.date
    last_month: dt.date | None
    """None: no end is known."""
    kind: str
    reason: str
    source: str
    corrected_release: dt.date | None = None
    """The release that later supplied the months."""
    id: int | None = None

    def covers(self, month: dt.date, release: dt.date | None) -> bool:
        """Whether the gap is one of what is held of the month as of that release; of none known, it may be."""
        is_within = self.first_month <= month and (self.last_month is None or month <= self.last_month)
        is_corrected = self.corrected_release and release and release >= self.corrected_release
        return is_within and not is_corrected

    @property
    def span(self) -> str:
        """The months in words."""
        if self.last_month == self.first_month:
            return month_text(self.first_month)
        return f"{month_text(self.first_month)} to {month_text(self.last_month) if self.last_month else 'now'}"


def known(connection: Connection) -> list[Gap]:
    """Every known gap, by force and month."""
    columns = (getattr(KnownGap, name) for name in Gap.__dataclass_fields__)
    rows = connection.execute(select(*columns).order_by(KnownGap.force, KnownGap.first_month, KnownGap.id))
    return [Gap(**row._mapping) for row in rows]


def of_force(gaps: Sequence[Gap], force: str) -> list[Gap]:
    """Those of one force."""
    return [gap for gap in gaps if gap.force == force]


def add(connection: Connection, gap: Gap) -> Gap:
    """Note a gap; returns it with its id. Raises GapError."""
    if gap.kind not in KINDS:
        raise GapError(f"{gap.kind} is not a kind of gap (one of {', '.join(KINDS)})", "kind")
    if gap.last_month and gap.last_month < gap.first_month:
        raise GapError(f"A gap cannot end in {month_text(gap.last_month)}, before its first month", "last_month")
    if not gap.reason.strip():
        raise GapError("A gap needs a reason: it is shown wherever the month is shown", "reason")
    values = {name: getattr(gap, name) for name in Gap.__dataclass_fields__ if name != "id"}
    made = connection.scalar(insert(KnownGap).values(**values).returning(KnownGap.id))
    return Gap(**values, id=made)


def remove(connection: Connection, gap_id: int) -> Gap:
    """Delete a gap; returns it. Raises UnknownGap."""
    columns = (getattr(KnownGap, name) for name in Gap.__dataclass_fields__)
    row = connection.execute(delete(KnownGap).where(KnownGap.id == gap_id).returning(*columns)).one_or_none()
    if row is None:
        raise UnknownGap(gap_id)
    return Gap(**row._mapping)
