"""The pulses of what does its rounds, a sweep or a scheduler: when each last did, by the clock of PostgreSQL."""

import os
import socket
import time
from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection, Row, text

Part = Literal["sweep", "scheduler"]
# Both go round every few seconds, and a round may take some more.
ALIVE_S = 20

_BEAT = text(
    """
    INSERT INTO pulses (part, host, pid, beat_at, skew_s)
    VALUES (:part, :host, :pid, clock_timestamp(), :clock - extract(epoch FROM clock_timestamp()))
    ON CONFLICT (part, host, pid) DO UPDATE SET beat_at = excluded.beat_at, skew_s = excluded.skew_s
    """
)
_GONE = text("DELETE FROM pulses WHERE beat_at < clock_timestamp() - interval '1 hour'")
_ALL = text(
    "SELECT part, host, pid, extract(epoch FROM clock_timestamp() - beat_at)::float AS age_s, skew_s FROM pulses"
)


def beat(connection: Connection, part: Part) -> None:
    """This process goes round."""
    values = {"part": part, "host": socket.gethostname(), "pid": os.getpid(), "clock": time.time()}
    with connection.begin():
        connection.execute(_BEAT, values)


def every(connection: Connection) -> Sequence[Row[Any]]:
    """part, host, pid, age_s, skew_s of all that were there within the last hour."""
    with connection.begin():
        return connection.execute(_ALL).all()


def alive(beats: Sequence[Row[Any]], part: Part) -> int:
    """How many of that part are there, of what `every` returned."""
    return sum(one.part == part and one.age_s < ALIVE_S for one in beats)


def forget(connection: Connection) -> None:
    """Delete those that are long gone."""
    with connection.begin():
        connection.execute(_GONE)
