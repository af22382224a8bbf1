"""Outlooks for tests: small ones by hand, random ones by seed, and their translation for the plain loops."""

import math
from datetime import date

import numpy as np

from jobs.scores.model import KINDS, SEVERITIES
from jobs.scores.risk.inputs import Accidents, Routes
from jobs.scores.risk.outlook import Outlook
from jobs.scores.weather.climatology import Climatology
from jobs.scores.weather.windows import Windows
from tests.unit.reference_risk import History, Spot, Window

TODAY = np.datetime64("2026-06-15")


def random_days(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Daily weather (*shape, 7): dry and still days, frost and unchanging visibility all occur."""
    temperature = rng.normal(2, 7, shape)
    wet = rng.random((*shape[:-1], 1)) < 0.8
    days = [
        temperature,
        rng.exponential(3, shape) * (rng.random(shape) < 0.5) * wet,
        rng.gamma(3, 2, shape),
        np.where(rng.random((*shape[:-1], 1)) < 0.5, 10_000.0, rng.uniform(100, 20_000, shape)),
        rng.uniform(0, 100, shape),
        temperature - rng.uniform(1, 8, shape),
        temperature + rng.uniform(1, 8, shape),
    ]
    return np.round(np.stack(days, axis=-1), 1)


def _some_nan(rng: np.random.Generator, values: np.ndarray, share: float) -> np.ndarray:
    return np.where(rng.random(len(values)) < share, np.nan, values)


def random_windows(rng: np.random.Generator, *shape: int) -> Windows:
    """Mostly whole windows; some lack days, a few are too short or missing."""
    values = random_days(rng, *shape, 7)
    lost = rng.choice([0, 0, 0, 0, 0, 1, 2, 3, 7], shape)
    values[np.arange(7) < lost[..., None]] = np.nan
    return Windows.of(values)


def random_accidents(rng: np.random.Generator, count: int, spread: float = 1.0) -> Accidents:
    return Accidents(
        lat=46 + rng.normal(0, spread, count),
        lng=8 + rng.normal(0, spread, count),
        date=TODAY - rng.integers(-30, 9000, count).astype("timedelta64[D]"),
        kind=rng.integers(0, len(KINDS), count).astype(np.int8),
        severity=rng.integers(0, len(SEVERITIES), count).astype(np.int8),
        elevation_m=_some_nan(rng, rng.uniform(0, 4500, count), 0.3),
        difficulty=_some_nan(rng, rng.uniform(0, 16, count), 0.3),
        windows=random_windows(rng, count),
    )


def random_outlook(seed: int, routes: int = 30, places: int = 9, days: int = 3, accidents: int = 40) -> Outlook:
    rng = np.random.default_rng(seed)
    mean = np.array([2.0, 1.0, 6.0, 9000.0]) + rng.normal(0, 0.5, (places, days, 4))
    mean[rng.random(places) < 0.3] = np.nan
    return Outlook(
        routes=Routes(
            place_lat=46 + rng.normal(0, 1.0, places),
            place_lng=8 + rng.normal(0, 1.0, places),
            place=rng.integers(0, places, routes),
            kind=rng.integers(0, len(KINDS), routes).astype(np.int8),
            elevation_m=_some_nan(rng, rng.uniform(0, 4500, routes), 0.3),
            difficulty=_some_nan(rng, rng.uniform(0, 16, routes), 0.3),
        ),
        dates=TODAY + np.arange(days),
        accidents=random_accidents(rng, accidents),
        windows=random_windows(rng, places, days),
        climatology=Climatology(mean, np.broadcast_to([2.0, 1.0, 1.5, 3000.0], mean.shape)),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def plain_windows(windows: Windows) -> list[Window]:
    flat = windows.flat()
    return [tuple(map(tuple, values[:days].tolist())) for values, days in zip(flat.values, flat.days, strict=True)]


def plain_accidents(accidents: Accidents) -> list[Spot]:
    past = plain_windows(accidents.windows)
    return [
        Spot(
            lat=float(accidents.lat[i]),
            lng=float(accidents.lng[i]),
            kind=KINDS[accidents.kind[i]],
            elevation_m=_known(accidents.elevation_m[i]),
            difficulty=_known(accidents.difficulty[i]),
            severity=SEVERITIES[accidents.severity[i]],
            happened=accidents.date[i].astype(date),
            window=past[i],
        )
        for i in range(len(accidents))
    ]


def plain_routes(routes: Routes) -> list[Spot]:
    return [
        Spot(
            lat=float(routes.place_lat[place]),
            lng=float(routes.place_lng[place]),
            kind=KINDS[routes.kind[i]],
            elevation_m=_known(routes.elevation_m[i]),
            difficulty=_known(routes.difficulty[i]),
        )
        for i, place in enumerate(routes.place.tolist())
    ]


def plain_history(outlook: Outlook, place: int, day: int) -> History:
    pairs = zip(outlook.climatology.mean[place, day], outlook.climatology.std[place, day], strict=True)
    return tuple(None if math.isnan(mean) else (float(mean), float(std)) for mean, std in pairs)
