"""Risk of many routes on many days, from all accidents, in bounded memory.

Neighbouring places form a block. A block picks the accidents within its reach once, nearest first, and computes their
distance and weather per place, which the routes of a place share. The sum over accidents is a matrix product.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from jobs.scores.model import HIGHEST_RISK, RISK_A_UNIT, Floats, Indices
from jobs.scores.risk import factors
from jobs.scores.risk.inputs import Routes
from jobs.scores.risk.neighbours import central, neighbourhoods
from jobs.scores.risk.outlook import Outlook
from jobs.scores.risk.similarity import Patterns, extreme_factor, similarity, weather_factor
from jobs.scores.weather.climatology import FACTORS

# The most that all accidents beyond the reach may add to a risk together.
LEFT_OUT: Final = 1e-9
# Places x days x accidents, or routes x accidents, held at a time: 16 MB an array.
CELLS: Final = 2_000_000
# Distances are rounded; a place at the rim of its block must still reach everything.
_SLACK_KM: Final = 1e-6


def score(outlook: Outlook, *, cells: int = CELLS) -> Floats:
    """Risk from 0 to 100, shape (routes, days). `cells` bounds the memory, not the result."""
    return capped(uncapped(outlook, cells=cells))


def capped(risk: Floats) -> Floats:
    """The risk as it is published, same shape: at most 100."""
    return np.minimum(risk, HIGHEST_RISK)


def uncapped(outlook: Outlook, *, cells: int = CELLS) -> Floats:
    """The sum before it is capped, shape (routes, days): what tells routes apart that are all at 100."""
    risk = np.zeros((len(outlook.routes), len(outlook.dates)))
    for routes, part in uncapped_blocks(outlook, cells=cells):
        risk[routes] = part
    return risk


def uncapped_blocks(outlook: Outlook, *, cells: int = CELLS) -> Iterator[tuple[Indices, Floats]]:
    """The same sums block by block: indices of routes (m,) and their sums (m, days); every route comes once."""
    patterns, weights = outlook.accidents.patterns, _weights(outlook)
    size = max(1, cells // max(1, len(outlook.dates) * len(outlook.accidents)))
    for block in _blocks(outlook.routes, size):
        around = _surroundings(outlook, block, patterns)
        kinds = outlook.routes.kind[block.routes]
        total = np.empty((len(block.routes), len(outlook.dates)))
        for kind, count in around.count.items():
            rows = np.flatnonzero(kinds == kind)
            pieces = min(rows.size, 1 + rows.size * count // cells)
            for some in np.array_split(rows, pieces):
                total[some] = _sums(outlook, block.take(some), around, weights[kind], kind)
        yield block.routes, RISK_A_UNIT * total


@dataclass(frozen=True, slots=True)
class _Block:
    """Neighbouring places and their routes.

    places: indices (p,). routes: indices (r,), place by place. local: position of each one's place in `places`, (r,).
    """

    places: Indices
    routes: Indices
    local: Indices

    def take(self, rows: Indices) -> Self:
        """The same places with some of the routes, in ascending order of rows."""
        return type(self)(self.places, self.routes[rows], self.local[rows])


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """The accidents within reach of a block of p places, nearest to its centre first.

    accidents: indices (a,). distance_km: (p, a). weather: W', (p, days, a).
    count: for each kind of route in the block, how many of the accidents are within that kind's reach.
    """

    accidents: Indices
    distance_km: Floats
    weather: Floats
    count: dict[int, int]


def _weights(outlook: Outlook) -> dict[int, Floats]:
    """T * R * V, shape (days, accidents), for each kind of route."""
    accidents = outlook.accidents
    return {
        kind: factors.age_factor(outlook.dates[:, None], accidents.date, kind)
        * factors.kind_factor(kind, accidents.kind)
        * factors.severity_factor(accidents.severity)
        for kind in np.unique(outlook.routes.kind).tolist()
    }


def _blocks(routes: Routes, size: int) -> Iterator[_Block]:
    order = np.argsort(routes.place, kind="stable")
    used, starts, counts = np.unique(routes.place[order], return_index=True, return_counts=True)
    for block in neighbourhoods(routes.place_lat[used], routes.place_lng[used], size):
        members = [order[start : start + count] for start, count in zip(starts[block], counts[block], strict=True)]
        yield _Block(used[block], np.concatenate(members), np.repeat(np.arange(len(block)), counts[block]))


def _surroundings(outlook: Outlook, block: _Block, patterns: Patterns) -> _Surroundings:
    lat, lng = outlook.routes.place_lat[block.places], outlook.routes.place_lng[block.places]
    planned, usual = outlook.windows.take(block.places), outlook.climatology.take(block.places)
    extreme = extreme_factor(planned.means()[..., : len(FACTORS)], usual.mean, usual.std)

    # No similarity exceeds its extreme factor, which is 1 or more.
    near, count = _within_reach(outlook, block, float(extreme.max(initial=1.0)))
    alike = similarity(planned.flat(), extreme.reshape(-1), patterns.take(near))
    return _Surroundings(
        accidents=near,
        distance_km=factors.great_circle_km(
            lat[:, None], lng[:, None], outlook.accidents.lat[near], outlook.accidents.lng[near]
        ),
        weather=weather_factor(alike).reshape(*planned.days.shape, len(near)),
        count=count,
    )


def _within_reach(outlook: Outlook, block: _Block, highest_similarity: float) -> tuple[Indices, dict[int, int]]:
    """The accidents that any place of the block can reach, nearest to its centre first, and their count by kind.

    By the triangle inequality an accident farther from the centre than radius + reach is farther than the reach
    from every place of the block.
    """
    accidents = outlook.accidents
    lat, lng = outlook.routes.place_lat[block.places], outlook.routes.place_lng[block.places]
    middle = central(lat, lng)
    radius = factors.great_circle_km(lat[middle], lng[middle], lat, lng).max() + _SLACK_KM
    away = factors.great_circle_km(lat[middle], lng[middle], accidents.lat, accidents.lng)
    order = np.argsort(away, kind="stable")
    count = {
        kind: int(
            np.searchsorted(away[order], radius + factors.reach_km(kind, len(away), highest_similarity, LEFT_OUT))
        )
        for kind in np.unique(outlook.routes.kind[block.routes]).tolist()
    }
    return order[: max(count.values())], count


def _sums(outlook: Outlook, block: _Block, around: _Surroundings, weights: Floats, kind: int) -> Floats:
    """Sums over accidents, (routes, days), of a block whose routes are all of one kind."""
    near = around.accidents[: around.count[kind]]
    own = _elevation_and_grade(outlook, block.routes, near, kind)
    weight = weights[:, near]
    sums = np.empty((len(block.routes), len(weight)))
    places, starts = np.unique(block.local, return_index=True)
    for place, start, end in zip(places.tolist(), starts, [*starts[1:], len(block.routes)], strict=True):
        proximity = factors.distance_factor(around.distance_km[place, : len(near)], kind)
        sums[start:end] = own[start:end] @ (weight * around.weather[place, :, : len(near)] * proximity).T
    return sums


def _elevation_and_grade(outlook: Outlook, chosen: Indices, near: Indices, kind: int) -> Floats:
    """E * G, shape (routes, accidents)."""
    routes, accidents = outlook.routes, outlook.accidents
    both = factors.elevation_factor(accidents.elevation_m[near], routes.elevation_m[chosen, None], kind)
    both *= factors.grade_factor(accidents.difficulty[near], routes.difficulty[chosen, None])
    return both
