"""How fast the model is as plain loops, measured on a few scores."""

from unittest import mock

import numpy as np

from bench.harness import seconds
from jobs.scores.climbing.reading import Climbing
from jobs.scores.climbing.rows import accident_columns, route_columns
from jobs.scores.days import DAYS, today
from jobs.scores.weather.windows import Windows
from tests.unit import reference_risk as plain
from tests.unit.warming_outlooks import plain_accidents, plain_routes, plain_windows, random_days

SCORES = 6
# The fastest counts: the loop is to have the benefit of the doubt.
TIMES = 3


def rates(climbing: Climbing) -> tuple[float, float]:
    """Scores a second of the plain loop over every accident, and of one that skips those too far to matter."""
    routes = route_columns([route for route in climbing.routes if route.is_placed][:SCORES])
    accidents = plain_accidents(accident_columns(climbing.accidents, climbing.weather))
    windows = plain_windows(Windows.of(random_days(np.random.default_rng(8), SCORES, DAYS)))
    history = ((2.0, 7.0), (1.5, 2.0), (6.0, 3.0), None)

    def loop() -> None:
        plain.similarity.cache_clear()
        for route, window in zip(plain_routes(routes), windows, strict=True):
            plain.risk(route, today(), window, history, accidents)

    with mock.patch.object(plain, "NEGLIGIBLE", -1.0):
        every = min(seconds(loop) for _ in range(TIMES))
    return SCORES / every, SCORES / min(seconds(loop) for _ in range(TIMES))
