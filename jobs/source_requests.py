"""How often the sources were asked and with what outcome, counted in Redis by all processes together."""

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import requests

from jobs.responses import Response, whole_response

if TYPE_CHECKING:
    from redis import Redis

KEY: Final = "safegrid:requests"
SOURCES: Final = ("police", "weather")
OUTCOMES: Final = ("ok", "limited", "refused", "failed", "unanswered")
# A Redis that is away costs a request its timeouts once, and not each of hundreds.
AWAY_S: Final = 60


@dataclass
class SourceRequests:
    """The requests to one source. May be used by several threads. Without a cache nothing is counted."""

    source: str
    cache: "Redis | None" = field(default=None, repr=False)
    _away_until: float = field(default=0.0, repr=False)

    def whole_response(self, session: requests.Session, method: str, url: str, **options: Any) -> Response:
        """As `jobs.responses.whole_response`. Raises what that raises."""
        try:
            response = whole_response(session, method, url, **options)
        except requests.RequestException:
            self._count("unanswered")
            raise
        self._count(outcome_of(response.status))
        return response

    def _count(self, outcome: str) -> None:
        if self.cache is None or time.monotonic() < self._away_until:
            return
        from redis import RedisError

        try:
            self.cache.hincrby(KEY, f"{self.source} {outcome}")
        except RedisError:
            self._away_until = time.monotonic() + AWAY_S


def outcome_of(status: int) -> str:
    """One of OUTCOMES for an HTTP status. 404 is an outcome like another: of a place that no force has, say."""
    if status == 429:
        return "limited"
    if status >= 500:
        return "failed"
    return "ok" if status < 300 or status == 404 else "refused"


def counts(cache: "Redis") -> dict[tuple[str, str], int]:
    """{(source, outcome): requests since Redis began}, 0 for what was not. Raises RedisError."""
    found = dict.fromkeys(((source, outcome) for source in SOURCES for outcome in OUTCOMES), 0)
    for name, count in cast(dict[bytes, bytes], cache.hgetall(KEY)).items():
        source, _, outcome = name.decode(errors="replace").partition(" ")
        with contextlib.suppress(ValueError):
            found[source, outcome] = int(count)
    return {key: found[key] for key in found if key[0] in SOURCES and key[1] in OUTCOMES}
