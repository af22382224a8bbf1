"""Scores as Redis holds them now, each with the time that it has left, read in few round trips."""

import datetime as dt
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, cast

from redis import Redis

from jobs.scores.model import COLOURS, HIGHEST_RISK
from jobs.scores.scoring import key

# While the script runs, Redis does nothing else: so many keys are a few milliseconds.
_KEYS_A_TRIP: Final = 2_000
# Two texts instead of two values a key, which a client in Python takes far longer to take apart.
_SCRIPT: Final = """
local documents, left = {}, {}
for index, name in ipairs(KEYS) do
    local held = redis.pcall('GET', name)
    documents[index] = type(held) == 'string' and string.gsub(held, '\\n', ' ') or ''
    left[index] = redis.call('PTTL', name)
end
return {table.concat(documents, '\\n'), table.concat(left, ' ')}
"""


@dataclass(frozen=True, slots=True)
class CachedScore:
    """A score. seconds_left: how long it is held for still; none if it is not held or has no end.

    uncapped: what orders the routes whose risk is 100.
    """

    risk: float
    uncapped: float
    colour: str
    computed_at: str
    has_weather: bool
    has_history: bool
    seconds_left: float | None = None


Weeks = Mapping[int, Sequence[CachedScore | None]]
"""{route: its score on each day, none where there is none}"""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what is wanted on a day is held. The shortest and the longest time left, if anything is held."""

    day: dt.date
    wanted: int
    held: int
    shortest_s: float | None
    longest_s: float | None
    without_weather: int
    without_history: int


def read_weeks(cache: Redis, route_ids: Sequence[int], days: Sequence[dt.date]) -> Weeks:
    """The scores that are held of these routes and days. Raises RedisError."""
    found = _read(cache, (key(route_id, day) for route_id in route_ids for day in days))
    return {route_id: list(islice(found, len(days))) for route_id in route_ids}


def coverage(weeks: Weeks, days: Sequence[dt.date]) -> list[Coverage]:
    """What is held on each day."""
    return [_coverage(day, [week[index] for week in weeks.values()]) for index, day in enumerate(days)]


def score_of(name: str, document: bytes | str | None, left_ms: int = -1) -> CachedScore | None:
    """The score that stands under the key `name`; none if it is no score, or that of another route or day.

    left_ms: as PTTL returns it.
    """
    try:
        score = json.loads(document or "null")
        if key(score["route_id"], score["target_date"]) != name:
            return None
        risk = _number(score["risk_score"])
        # Others that write scores may know the risk alone.
        uncapped = _number(score.get("risk_uncapped", risk))
        if not 0 <= risk == min(uncapped, HIGHEST_RISK):
            return None
        return CachedScore(
            risk=risk,
            uncapped=uncapped,
            colour=COLOURS[COLOURS.index(score["color_code"])],
            computed_at=dt.datetime.fromisoformat(score["computed_at"]).isoformat(timespec="seconds"),
            has_weather="weather" not in score,
            has_history="history" not in score,
            seconds_left=left_ms / 1000 if left_ms >= 0 else None,
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _number(value: Any) -> float:
    """A number. Raises ValueError for anything else: true counts as 1 in Python, and infinity is none."""
    if isinstance(value, bool) or not math.isfinite(number := float(value)):
        raise ValueError(f"{value!r} is no number")
    return number


def _read(cache: Redis, keys: Iterable[str]) -> Iterator[CachedScore | None]:
    remaining = iter(keys)
    while part := list(islice(remaining, _KEYS_A_TRIP)):
        documents, left = cast(list[bytes], cache.eval(_SCRIPT, len(part), *part))
        yield from map(score_of, part, documents.split(b"\n"), map(int, left.split()))


def _coverage(day: dt.date, scores: Sequence[CachedScore | None]) -> Coverage:
    held = [score for score in scores if score]
    left: list[Any] = [score.seconds_left for score in held if score.seconds_left is not None]
    return Coverage(
        day=day,
        wanted=len(scores),
        held=len(held),
        shortest_s=min(left, default=None),
        longest_s=max(left, default=None),
        without_weather=sum(not score.has_weather for score in held),
        without_history=sum(not score.has_history for score in held),
    )
