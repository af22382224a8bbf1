"""What is told of findings: one message for one, a digest of many; each with an id that stays when it is sent again."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row

from worker.findings.watch import Shown

# More at once come in one message, of which so many are listed.
MOST_SINGLE = 3
MOST_LISTED = 20
LONGEST_CAUSE = 300
_MARKS = {"critical": "🔴", "warning": "🟠", "notice": "🔵"}


@dataclass(frozen=True)
class Event:
    """A finding has opened, or is over."""

    what: Literal["open", "over"]
    finding_id: int | None
    kind: str
    subject: str
    severity: str
    cause: str
    remedy: str
    link: str | None
    since: dt.datetime
    resolved_at: dt.datetime | None = None
    resolved_by: str | None = None

    @classmethod
    def of(cls, row: Row[Any]) -> "Event":
        """A row of findings with its `what`."""
        taken = {name: getattr(row, name) for name in cls.__dataclass_fields__ if name != "finding_id"}
        return cls(finding_id=row.id, **taken)

    @classmethod
    def unkept(cls, shown: Shown) -> "Event":
        """One has opened that cannot be kept."""
        told = {name: getattr(shown, name) for name in ("kind", "subject", "severity", "cause", "remedy", "since")}
        return cls(what="open", finding_id=None, link=None, **told)

    @property
    def id(self) -> str:
        """The same whenever it is told."""
        told_of = self.finding_id or f"{self.kind}-{self.since:%Y%m%d%H%M}"
        return f"finding-{told_of}-{self.what}"

    def line(self, admin: str) -> str:
        """A line for people. admin: address of the pages, empty where it is not known."""
        if self.what == "over":
            return f"✅ Resolved: {self._cause} ({self.resolved_by}, after {_span(self.resolved_at, self.since)})"
        where = f" {_address(admin, self.link)}" if admin else ""
        return f"{_MARKS[self.severity]} {self._cause} {self.remedy}{where}"

    @property
    def _cause(self) -> str:
        return self.cause if len(self.cause) <= LONGEST_CAUSE else f"{self.cause[:LONGEST_CAUSE]} …"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.id,
            "event": self.what,
            "kind": self.kind,
            "subject": self.subject,
            "severity": self.severity,
            "cause": self.cause,
            "remedy": self.remedy,
            "link": self.link,
            "since": self.since.isoformat(),
            "resolved_at": self.resolved_at.isoformat() if self.resolved_at else None,
            "resolved_by": self.resolved_by,
        }


def _address(admin: str, link: str | None) -> str:
    kind, _, name = (link or "").partition(":")
    return f"{admin}/{'runs' if kind == 'run' else 'jobs'}/{name}" if name else f"{admin}/findings/"


def _span(end: dt.datetime | None, since: dt.datetime) -> str:
    seconds = ((end or since) - since).total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


@dataclass(frozen=True)
class Message:
    """What one delivery holds."""

    id: str
    title: str
    lines: Sequence[str]
    events: Sequence[Event]

    @property
    def text(self) -> str:
        """Everything, for a service that shows text."""
        return "\n".join((self.title, *self.lines))


def messages(events: Sequence[Event], admin: str) -> list[Message]:
    """One for each of a few events; a digest of many."""
    if len(events) <= MOST_SINGLE:
        return [_message([event], admin) for event in events]
    return [_message(events, admin)]


def _message(events: Sequence[Event], admin: str) -> Message:
    opened = sum(event.what == "open" for event in events)
    parts = [f"{opened} finding{'' if opened == 1 else 's'}"] if opened else []
    parts += [f"{len(events) - opened} over"] if len(events) > opened else []
    lines = [event.line(admin) for event in events[:MOST_LISTED]]
    if more := len(events) - MOST_LISTED > 0:
        lines.append(f"… and {len(events) - MOST_LISTED * more} more{f': {admin}/findings/' if admin else ''}")
    ids = " ".join(event.id for event in events)
    name = ids if len(events) == 1 else f"digest-{hashlib.sha256(ids.encode()).hexdigest()[:20]}"
    return Message(name, f"Safegrid: {', '.join(parts)}", lines, events)


def test_message(name: str) -> Message:
    """Proves that a receiver hears us."""
    stamp = dt.datetime.now(dt.UTC)
    words = f"This is a test. {name} sends alerts about findings here."
    return Message(f"test-{stamp:%Y%m%d%H%M%S%f}", "Safegrid: test", [words], [])
