"""What a rule is, and what it looks at."""

import datetime as dt
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from redis import Redis
from sqlalchemy import Connection, Row

from jobs import database
from worker.findings.kinds import Finding
from worker.findings.store import OVER
from worker.settings import Settings


@dataclass
class Here:
    """What there is to look at, for one look of one rule."""

    settings: Settings
    connection: Connection
    """Without an open transaction."""
    queues: Redis
    """Of little patience, as that of `cache`."""
    cache: Redis
    facts: dict[str, Any] = field(default_factory=dict)
    """What the rule's last look has left for this one, to be changed for the next."""

    @functools.cached_property
    def now(self) -> dt.datetime:
        """When this look began to ask for it, by the clock of PostgreSQL; UTC."""
        return database.now(self.connection)


def _over(_connection: Connection, _row: Row[Any]) -> str:
    return OVER


@dataclass(frozen=True)
class Rule:
    """Finds what is wrong with one part of the system. `look` may raise redis's errors: then nothing is known."""

    name: str
    look: Callable[[Here], Iterator[Finding]]
    every_s: float = 3.0
    what: str = ""
    """What people call the part."""
    needs_redis: bool = False
    why: Callable[[Connection, Row[Any]], str] = _over
    """What made one of its findings pass; inside the transaction in which it is resolved."""
