"""The reader and the risk on the real accidents, routes and accident weather."""

from collections import Counter
from datetime import date

import numpy as np
import pytest

from jobs.scores.climbing.csv_folder import read_folder
from jobs.scores.climbing.reading import Climbing
from jobs.scores.climbing.rows import accident_columns, route_columns
from jobs.scores.model import KINDS
from jobs.scores.risk.outlook import Outlook
from jobs.scores.risk.risk import score
from jobs.scores.weather.climatology import Climatology
from jobs.scores.weather.windows import Windows
from tests.unit import reference_risk as plain
from tests.unit.climbing_folder import climbing_folder
from tests.unit.warming_outlooks import (
    TODAY,
    plain_accidents,
    plain_history,
    plain_routes,
    plain_windows,
    random_days,
)


@pytest.fixture(scope="module")
def climbing() -> Climbing:
    return read_folder(climbing_folder())


def test_rows_without_coordinates_date_or_name_are_the_only_ones_set_aside(climbing):
    named = next(issue for issue in climbing.issues if issue.startswith("routes: name reads like a sentence: 58 ("))
    assert climbing.issues == {"accidents: no coordinates": 321, "accidents: no date": 1, named: 70}
    assert len(climbing.accidents) == 4319 - 321
    assert (len(climbing.mountains), len(climbing.routes), len(climbing.weather)) == (441, 552, 49_674)


def test_every_accident_has_a_whole_week_of_weather(climbing):
    accidents = accident_columns(climbing.accidents, climbing.weather)
    assert np.unique(accidents.windows.days).tolist() == [7]


def test_accidents_are_of_the_kinds_that_the_model_infers(climbing):
    accidents = accident_columns(climbing.accidents, climbing.weather)
    counted = Counter(KINDS[kind] for kind in accidents.kind)
    assert counted == {"alpine": 2515, "trad": 1259, "ice": 194, "sport": 13, "boulder": 11, "default": 6}


def test_the_risks_of_200_real_routes_equal_the_plain_loops(climbing):
    ranks = {mountain.mountain_id: -mountain.accident_count for mountain in climbing.mountains}
    placed = [route for route in climbing.routes if route.latitude is not None]
    placed.sort(key=lambda route: (ranks.get(route.mountain_id, 0), route.route_id))
    routes = route_columns(placed[:200])
    places, days = len(routes.place_lat), 7
    rng = np.random.default_rng(2026)
    usual = np.broadcast_to([2.0, 1.5, 6.0, np.nan], (places, days, 4))
    outlook = Outlook(
        routes,
        TODAY + np.arange(days),
        accident_columns(climbing.accidents, climbing.weather),
        Windows.rolling(random_days(rng, places, days + 6)),
        Climatology(usual, np.broadcast_to([1.5, 0.8, 0.7, np.nan], usual.shape)),
    )
    risk = score(outlook)

    windows, accidents = plain_windows(outlook.windows), plain_accidents(outlook.accidents)
    for i, (route, place) in enumerate(zip(plain_routes(routes), routes.place.tolist(), strict=True)):
        day = place % days  # one day a place keeps the loops to a few seconds
        history = plain_history(outlook, place, day)
        expected = plain.risk(route, outlook.dates[day].astype(date), windows[place * days + day], history, accidents)
        assert risk[i, day] == pytest.approx(expected, abs=1e-9), placed[i].name
    assert len(np.unique(risk.round(3))) > 100
