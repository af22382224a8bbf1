"""The route safety model written out as plain loops, to compare the arrays with. Slow, and meant to be."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

PARAMETERS = {
    "alpine": (75, 0.9998, 1600),
    "ice": (50, 0.9997, 1600),
    "mixed": (60, 0.9997, 1600),
    "trad": (40, 0.9995, 2400),
    "sport": (25, 0.999, 3600),
    "aid": (30, 0.9995, 2400),
    "boulder": (20, 0.999, 6000),
    "default": (50, 0.9996, 2400),
}
ACROSS = ["sport", "trad", "boulder", "alpine", "ice", "mixed", "aid"]
DOWN = {
    "sport": [1, 0.7, 0.6, 0.3, 0.2, 0.3, 0.5],
    "trad": [0.6, 1, 0.4, 0.6, 0.3, 0.5, 0.8],
    "alpine": [0.9, 0.8, 0.3, 1, 0.8, 0.9, 0.6],
    "ice": [0.4, 0.5, 0.2, 0.9, 1, 0.9, 0.4],
    "mixed": [0.5, 0.6, 0.3, 0.9, 0.9, 1, 0.5],
    "aid": [0.5, 0.8, 0.2, 0.6, 0.3, 0.5, 1],
    "boulder": [0.7, 0.4, 1, 0.2, 0.2, 0.3, 0.3],
}
SEVERITY = {"fatal": 1.3, "serious": 1.1, "minor": 1.0, "unknown": 1.0}
# temperature, precipitation, wind, visibility, cloud, minimum, maximum
Day = tuple[float, ...]
Window = tuple[Day, ...]
History = tuple[tuple[float, float] | None, ...]
# Beside this proximity a few thousand accidents together add less than any rounding.
NEGLIGIBLE = 1e-20


@dataclass
class Spot:
    """A route or an accident."""

    lat: float
    lng: float
    kind: str
    elevation_m: float | None
    difficulty: float | None
    severity: str = "unknown"
    happened: date | None = None
    window: Window = ()


def risk(route: Spot, planned: date, window: Window, history: History | None, accidents: Sequence[Spot]) -> float:
    return min(100.0, uncapped(route, planned, window, history, accidents))


def uncapped(route: Spot, planned: date, window: Window, history: History | None, accidents: Sequence[Spot]) -> float:
    total = 0.0
    for accident in accidents:
        total += contribution(route, planned, window, history, accident)
    return 7 * total


def contribution(route: Spot, planned: date, window: Window, history: History | None, accident: Spot) -> float:
    h, decay, c = PARAMETERS[route.kind]
    d = kilometres(route, accident)
    s = math.exp(-(d * d) / (2 * h * h))
    if s < NEGLIGIBLE:
        return 0.0

    days = max(0, (planned - accident.happened).days)
    t = 1 - 0.35 * (1 - (decay**days) ** 1.5)
    if quarter(planned) == quarter(accident.happened):
        t *= 1.05

    e = 1.0
    if route.elevation_m is not None and accident.elevation_m is not None:
        e = 1 + 0.15 * math.exp(-(((accident.elevation_m - route.elevation_m) / c) ** 2))

    r = 0.5
    if route.kind in DOWN and accident.kind in ACROSS:
        r = DOWN[route.kind][ACROSS.index(accident.kind)]

    g = 1.0
    if route.difficulty is not None and accident.difficulty is not None:
        g = max(0.25, math.exp(-((accident.difficulty - route.difficulty) ** 2) / (2 * (3 / 1.18) ** 2)))

    w = similarity(window, accident.window, history)
    return s * t * e * r * SEVERITY[accident.severity] * g * (0 if w < 0.25 else w**3)


def kilometres(a: Spot, b: Spot) -> float:
    phi, psi = math.radians(a.lat), math.radians(b.lat)
    across = math.radians(b.lng - a.lng)
    x = math.sin((psi - phi) / 2) ** 2 + math.cos(phi) * math.cos(psi) * math.sin(across / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1, math.sqrt(x)))


def quarter(day: date) -> int:
    return {12: 0, 1: 0, 2: 0, 3: 1, 4: 1, 5: 1, 6: 2, 7: 2, 8: 2, 9: 3, 10: 3, 11: 3}[day.month]


def known_days(week: Sequence[Sequence[float]]) -> Window:
    """The days of a week that are known; nan is a value that is not."""
    days = []
    for temperature, rain, wind, visibility, cloud, lowest, highest in week:
        if math.isnan(temperature) or math.isnan(rain) or math.isnan(wind):
            continue
        seen = 10_000.0 if math.isnan(visibility) else visibility
        covered = 50.0 if math.isnan(cloud) else cloud
        days.append((temperature, rain, wind, seen, covered, lowest, highest))
    return tuple(days)


@cache
def similarity(planned: Window, past: Window, history: History | None) -> float:
    n = min(len(planned), len(past))
    if n < 5:
        return 0.5
    weights = [0.85 ** (n - 1 - i) for i in range(n)]
    weights = [weight / sum(weights) for weight in weights]
    parts = 0.0
    for series in range(5):
        x = [planned[i][series] for i in range(n)]
        y = [past[i][series] for i in range(n)]
        parts += (1 + correlation(x, y, weights)) / 2
    a = sum(1 for day in planned if day[5] < 0 < day[6])
    b = sum(1 for day in past if day[5] < 0 < day[6])
    parts += 1 - abs(a - b) / (max(a, b, 1) + 7)
    return extreme(planned, history) * parts / 6


def correlation(x: list[float], y: list[float], weights: list[float]) -> float:
    still_x, still_y = len(set(x)) == 1, len(set(y)) == 1
    if still_x or still_y:
        return 1.0 if still_x and still_y else 0.0
    mean_x = sum(w * v for w, v in zip(weights, x, strict=True))
    mean_y = sum(w * v for w, v in zip(weights, y, strict=True))
    xy = xx = yy = 0.0
    for w, u, v in zip(weights, x, y, strict=True):
        xy += w * (u - mean_x) * (v - mean_y)
        xx += w * (u - mean_x) ** 2
        yy += w * (v - mean_y) ** 2
    return max(-1.0, min(1.0, xy / math.sqrt(xx * yy)))


def extreme(planned: Window, history: History | None) -> float:
    """history: (mean, deviation) of temperature, precipitation, wind and visibility; None where there is none."""
    factor = 1.0
    for series, weight in enumerate([0.20, 0.20, 0.20, 0.25]):
        if history is None or history[series] is None:
            continue
        usual, deviation = history[series]
        z = abs(sum(day[series] for day in planned) / len(planned) - usual) / deviation
        if z > 2:
            factor += weight * (z - 2)
    return factor
