"""Whole risks: properties, golden cases, and agreement with the plain loops."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.scores.model import KINDS, SEVERITIES
from jobs.scores.risk.factors import reach_km
from jobs.scores.risk.inputs import Accidents, Routes
from jobs.scores.risk.outlook import Outlook
from jobs.scores.risk.risk import LEFT_OUT, score, uncapped, uncapped_blocks
from jobs.scores.weather.climatology import Climatology
from jobs.scores.weather.windows import Windows
from tests.unit import reference_risk as plain
from tests.unit.warming_outlooks import (
    TODAY,
    plain_accidents,
    plain_history,
    plain_routes,
    plain_windows,
    random_days,
    random_outlook,
)

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=15, deadline=None)


def one_accident(count: int = 1, lat: float = 46.0, severity: str = "minor", windows: Windows | None = None) -> Outlook:
    """An alpine route and `count` equal alpine accidents of today, with no weather unless windows are given."""
    return Outlook.without_history(
        routes=Routes.at([46.0], [8.0], [KINDS.index("alpine")], [math.nan], [math.nan]),
        dates=np.array([TODAY]),
        accidents=Accidents(
            lat=np.full(count, lat),
            lng=np.full(count, 8.0),
            date=np.full(count, TODAY),
            kind=np.full(count, KINDS.index("alpine"), np.int8),
            severity=np.full(count, SEVERITIES.index(severity), np.int8),
            elevation_m=np.full(count, math.nan),
            difficulty=np.full(count, math.nan),
            windows=windows or Windows.missing(count),
        ),
        windows=Windows.missing(1, 1),
    )


def accidents_at(outlook: Outlook, order: np.ndarray) -> Outlook:
    old = outlook.accidents
    columns = ("lat", "lng", "date", "kind", "severity", "elevation_m", "difficulty")
    taken = {name: getattr(old, name)[order] for name in columns}
    return replace(outlook, accidents=Accidents(**taken, windows=old.windows.take(order)))


def loops(outlook: Outlook, risk: Callable[..., float] = plain.risk) -> list[list[float]]:
    windows, routes = plain_windows(outlook.windows), plain_routes(outlook.routes)
    past, days = plain_accidents(outlook.accidents), range(len(outlook.dates))
    return [
        [
            risk(
                route,
                outlook.dates[day].astype(date),
                windows[place * len(days) + day],
                plain_history(outlook, place, day),
                past,
            )
            for day in days
        ]
        for route, place in zip(routes, outlook.routes.place.tolist(), strict=True)
    ]


def test_one_accident_at_the_spot_without_weather_adds_7_times_its_factors():
    assert score(one_accident()) == pytest.approx(np.array([[7 * 1.05 * 0.5**3]]))


def test_severity_and_distance_multiply():
    north = 46.0 + math.degrees(75 / 6371.0)
    assert score(one_accident(lat=north, severity="fatal")) == pytest.approx(
        np.array([[7 * 1.05 * 1.3 * math.exp(-0.5) * 0.5**3]])
    )


def test_risks_add_up_and_end_at_100():
    assert score(one_accident(count=50)) == pytest.approx(np.array([[50 * 7 * 1.05 * 0.5**3]]))
    assert score(one_accident(count=200)).tolist() == [[100.0]]
    assert uncapped(one_accident(count=200)) == pytest.approx(np.array([[200 * 7 * 1.05 * 0.5**3]]))


def test_an_accident_with_a_short_window_adds_what_one_without_weather_does():
    short, whole = np.full((1, 7, 7), 4.0), np.full((1, 1, 7, 7), 4.0)
    short[0, 4:] = np.nan
    outlook = replace(one_accident(windows=Windows.of(short)), windows=Windows.of(whole))
    assert score(outlook) == pytest.approx(np.array([[7 * 1.05 * 0.5**3]]))


def test_without_accidents_nothing_is_known():
    outlook = random_outlook(1)
    assert score(accidents_at(outlook, np.array([], dtype=np.intp))).max() == 0


def test_without_routes_there_is_nothing_to_score():
    empty = Routes.at([], [], [], [], [])
    outlook = Outlook.without_history(empty, TODAY + np.arange(3), random_outlook(1).accidents, Windows.missing(0, 3))
    assert score(outlook).shape == (0, 3)


def test_routes_of_one_place_and_type_share_their_risk():
    routes = Routes.at([46.0] * 3, [8.0] * 3, [0, 0, 1], [2000.0] * 3, [9.0] * 3)
    assert len(routes.place_lat) == 1
    base = random_outlook(3)
    risk = score(
        replace(base, routes=routes, windows=base.windows.take(slice(1)), climatology=base.climatology.take(slice(1)))
    )
    assert risk[0].tolist() == risk[1].tolist()
    assert risk[0].tolist() != risk[2].tolist()


def test_places_across_the_date_line_are_neighbours():
    east = replace(one_accident(), routes=Routes.at([0.0], [179.9], [0], [math.nan], [math.nan]))
    west = replace(east.accidents, lat=np.array([0.0]), lng=np.array([-179.9]))
    expected = 7 * 1.05 * 0.5**3 * math.exp(-((math.radians(0.2) * 6371) ** 2) / (2 * 75**2))
    assert score(replace(east, accidents=west)) == pytest.approx(np.array([[expected]]))


@FEW
@given(SEEDS)
def test_risks_equal_the_plain_loops(seed):
    outlook = random_outlook(seed, routes=12, places=5, days=2, accidents=30)
    np.testing.assert_allclose(score(outlook), loops(outlook), rtol=0, atol=1e-9)


@FEW
@given(SEEDS)
def test_uncapped_risks_equal_the_plain_loops_and_keep_the_order(seed):
    outlook = random_outlook(seed, routes=8, places=5, days=2, accidents=250)
    sums = uncapped(outlook)
    np.testing.assert_allclose(sums, loops(outlook, plain.uncapped), rtol=0, atol=1e-8)
    assert score(outlook).tolist() == np.minimum(sums, 100).tolist()


@FEW
@given(SEEDS, st.floats(0, 0.6))
def test_nulls_anywhere_in_the_forecast_never_make_a_route_greener_than_no_forecast_does(seed, share):
    """With fewer than 5 known days the risk is that without weather; with more, that of the plain loops."""
    rng = np.random.default_rng(seed)
    base = random_outlook(seed, routes=10, places=4, days=3)
    forecast = random_days(rng, 4, 9)
    nulls = np.where(rng.random(forecast.shape) < share, np.nan, forecast)
    outlook = replace(base, windows=Windows.rolling(nulls))
    risk, neutral = uncapped(outlook), uncapped(replace(base, windows=Windows.missing(4, 3)))
    past = plain_accidents(outlook.accidents)
    for i, (route, place) in enumerate(zip(plain_routes(base.routes), base.routes.place.tolist(), strict=True)):
        for day in range(3):
            window = plain.known_days(nulls[place, day : day + 7].tolist())
            is_marked = bool(outlook.windows.days[place, day] == 0)
            assert is_marked == (len(window) < 5)
            if is_marked:
                assert risk[i, day] == neutral[i, day]
            history = plain_history(outlook, place, day)
            expected = plain.uncapped(route, outlook.dates[day].astype(date), window, history, past)
            assert risk[i, day] == pytest.approx(expected, abs=1e-8)


@FEW
@given(SEEDS)
def test_risks_lie_between_0_and_100(seed):
    risk = score(random_outlook(seed, accidents=400))
    assert risk.min() >= 0
    assert risk.max() <= 100


@FEW
@given(SEEDS, st.integers(1, 3000))
def test_small_pieces_give_the_same_risks_as_the_whole(seed, cells):
    outlook = random_outlook(seed)
    np.testing.assert_allclose(score(outlook, cells=cells), score(outlook), rtol=0, atol=2 * LEFT_OUT)


@FEW
@given(SEEDS)
def test_the_order_of_accidents_does_not_matter(seed):
    outlook = random_outlook(seed)
    shuffled = accidents_at(outlook, np.random.default_rng(seed).permutation(len(outlook.accidents)))
    np.testing.assert_allclose(score(shuffled), score(outlook), rtol=0, atol=1e-9)


@FEW
@given(SEEDS)
def test_a_worse_severity_never_lowers_a_risk(seed):
    outlook = random_outlook(seed)
    fatal = np.full(len(outlook.accidents), SEVERITIES.index("fatal"), np.int8)
    worse = replace(outlook, accidents=replace(outlook.accidents, severity=fatal))
    assert (score(worse) >= score(outlook) - 1e-9).all()


@FEW
@given(SEEDS)
def test_one_accident_more_never_lowers_a_risk(seed):
    outlook = random_outlook(seed)
    fewer = accidents_at(outlook, np.arange(len(outlook.accidents) - 1))
    assert (score(outlook) >= score(fewer) - 1e-9).all()


def test_every_route_comes_in_exactly_one_block():
    outlook = random_outlook(5, routes=50)
    blocks = [routes for routes, _ in uncapped_blocks(outlook, cells=100)]
    assert len(blocks) > 3
    assert sorted(np.concatenate(blocks).tolist()) == list(range(50))


def test_accidents_out_of_reach_are_left_out_within_the_promised_bound():
    outlook = random_outlook(8, accidents=300)
    lat = np.clip(np.random.default_rng(8).normal(46, 6, 300), -89, 89)
    spread = replace(outlook, accidents=replace(outlook.accidents, lat=lat))
    widest = reach_km(KINDS.index("alpine"), accidents=300, highest_similarity=2.0, left_out=LEFT_OUT)
    assert (np.abs(lat[:, None] - outlook.routes.place_lat).min(axis=1) > math.degrees(widest / 6371.0)).any()
    np.testing.assert_allclose(score(spread, cells=1), loops(spread), rtol=0, atol=LEFT_OUT + 1e-11)


def test_weather_for_the_wrong_places_is_refused():
    outlook = random_outlook(1)
    with pytest.raises(ValueError, match=r"Planned windows have shape \(8, 3\), not \(places, days\) = \(9, 3\)"):
        replace(outlook, windows=outlook.windows.take(slice(8)))
    with pytest.raises(ValueError, match="climatology's mean"):
        replace(outlook, climatology=Climatology.unknown(9, 2))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("lat", math.nan, r"accident with index 0 is at \(nan, 8\.0\).*leave it out"),
        ("lng", 181.0, "accident with index 0"),
        ("date", np.datetime64("NaT"), "Accident 0 has no date"),
        ("kind", 8, "column kind of accidents must hold indices from 0 to 7"),
        ("severity", -1, "column severity of accidents"),
    ],
)
def test_an_accident_that_cannot_be_placed_is_refused(column, value, message):
    accidents = one_accident().accidents
    wrong = np.array([value], dtype=getattr(accidents, column).dtype)
    with pytest.raises(ValueError, match=message):
        replace(accidents, **{column: wrong})


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="columns of accidents must be flat and equally long"):
        replace(one_accident().accidents, elevation_m=np.zeros(2))
