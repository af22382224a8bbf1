"""How long each run that lost its attempt took to the next one, by what was done to the house."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from worker.pulse import BEAT_S

# After these nothing ends: the attempt holds its claim and does nothing.
FREEZES = ("freeze_postgresql_flows", "stop_work_horse_for_good", "stop_work_horse_for_a_while")
# Between a disturbance and the last look at what it ended.
_SLACK = dt.timedelta(seconds=0.5)
_ENDED_EARLY = text(
    """
    SELECT early.run_id, early.number, early.started_at, early.beat_at, next.started_at AS again_at
    FROM attempts AS early
    JOIN attempts AS next ON next.run_id = early.run_id AND next.number = early.number + 1
    WHERE early.outcome IN ('lost', 'stopped') ORDER BY early.started_at
    """
)


@dataclass(frozen=True)
class Done:
    """A disturbance."""

    kind: str
    at: dt.datetime


@dataclass(frozen=True)
class Recovery:
    """Of one run, from the moment its attempt was last at work to the start of the next one."""

    run_id: str
    kind: str
    seconds: float


def recoveries(
    connection: Connection, done: Sequence[Done], last_seen: Mapping[tuple[str, int], dt.datetime]
) -> list[Recovery]:
    """last_seen: by run and attempt, when its claim was last seen held."""
    with connection.begin():
        rows = connection.execute(_ENDED_EARLY).all()
    return [recovery_of(row, done, last_seen.get((row.run_id, row.number), row.started_at)) for row in rows]


def recovery_of(row: Row[Any] | Any, done: Sequence[Done], last_seen: dt.datetime) -> Recovery:
    """One that held its claim without a beat was frozen: its time begins at what froze it."""
    last_beat = row.beat_at or row.started_at
    if last_seen - last_beat > dt.timedelta(seconds=2 * BEAT_S):
        until = last_beat + dt.timedelta(seconds=2 * BEAT_S)
        froze = [one for one in done if one.kind in FREEZES and last_beat - _SLACK <= one.at <= until]
        kind, since = (froze[0].kind, max(froze[0].at, last_beat)) if froze else ("another freeze", last_beat)
        return Recovery(row.run_id, kind, (row.again_at - since).total_seconds())
    before = bisect_right(done, last_seen + _SLACK, key=lambda one: one.at)
    kind = done[before - 1].kind if before else "nothing"
    return Recovery(row.run_id, kind, (row.again_at - last_seen).total_seconds())
