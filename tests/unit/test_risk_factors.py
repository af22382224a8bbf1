import math

import numpy as np
import pytest

from jobs.scores.model import KINDS, SEVERITIES, colour, kind_code, season, severity_code
from jobs.scores.risk import factors

ALPINE, SPORT, TRAD, DEFAULT = (KINDS.index(name) for name in ("alpine", "sport", "trad", "default"))
UNKNOWN = np.array([math.nan])


def day(text: str) -> np.ndarray:
    return np.array([text], dtype="datetime64[D]")


def test_a_degree_of_latitude_is_111_km_on_a_sphere_of_6371_km():
    assert factors.great_circle_km(46.0, 8.0, 47.0, 8.0) == pytest.approx(math.radians(1) * 6371.0)


def test_the_way_across_the_date_line_is_the_short_one():
    assert factors.great_circle_km(0.0, 179.5, 0.0, -179.5) == pytest.approx(math.radians(1) * 6371.0)


def test_the_other_side_of_the_earth_is_half_its_circumference_away():
    assert factors.great_circle_km(0.0, 0.0, 0.0, 180.0) == pytest.approx(math.pi * 6371.0)


@pytest.mark.parametrize(
    ("kind", "km"),
    [
        ("alpine", 75),
        ("ice", 50),
        ("mixed", 60),
        ("trad", 40),
        ("sport", 25),
        ("aid", 30),
        ("boulder", 20),
        ("default", 50),
    ],
)
def test_one_bandwidth_away_weighs_exp_of_minus_a_half(kind, km):
    assert factors.distance_factor(np.array([0.0, km]), kind_code(kind)) == pytest.approx([1, math.exp(-0.5)])


def test_an_accident_of_the_same_day_is_new_and_in_season():
    assert factors.age_factor(day("2026-06-15"), day("2026-06-15"), ALPINE) == pytest.approx([1.05])


def test_a_thousand_days_of_age_decay_by_the_planned_kind():
    happened = np.datetime64("2026-06-15") - np.timedelta64(1000, "D")  # September, another season
    fresh = (0.999**1000) ** 1.5
    assert factors.age_factor(day("2026-06-15"), happened, SPORT) == pytest.approx([1 - 0.35 * (1 - fresh)])


def test_very_old_accidents_keep_65_percent():
    assert factors.age_factor(day("2026-06-15"), day("1800-10-01"), SPORT) == pytest.approx([0.65])


def test_an_accident_after_the_planned_day_counts_as_0_days_old():
    assert factors.age_factor(day("2026-06-15"), day("2026-10-01"), SPORT) == pytest.approx([1.0])


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2025-12-01", "2026-02-28", 0),
        ("2026-03-01", "2026-05-31", 1),
        ("2026-06-01", "2026-08-31", 2),
        ("2026-09-01", "2026-11-30", 3),
        ("1969-12-31", "1960-01-01", 0),
    ],
)
def test_seasons_begin_in_december_march_june_and_september(first, last, expected):
    assert season(np.array([first, last], dtype="datetime64[D]")).tolist() == [expected, expected]


def test_equal_elevation_adds_15_percent_and_one_scale_off_adds_less():
    factor = factors.elevation_factor(np.array([3000.0, 3000.0 + 1600.0]), np.array([3000.0]), ALPINE)
    assert factor == pytest.approx([1.15, 1 + 0.15 * math.exp(-1)])


def test_an_unknown_elevation_on_either_side_changes_nothing():
    assert factors.elevation_factor(UNKNOWN, np.array([3000.0]), ALPINE).tolist() == [1.0]
    assert factors.elevation_factor(np.array([3000.0]), UNKNOWN, ALPINE).tolist() == [1.0]


def test_the_grade_factor_is_a_gaussian_that_ends_at_a_quarter():
    factor = factors.grade_factor(np.array([9.0, 11.0, 0.0]), np.array([9.0]))
    assert factor == pytest.approx([1, math.exp(-4 / (2 * (3 / 1.18) ** 2)), 0.25])


def test_an_unknown_grade_on_either_side_changes_nothing():
    assert factors.grade_factor(UNKNOWN, np.array([9.0])).tolist() == [1.0]
    assert factors.grade_factor(np.array([9.0]), UNKNOWN).tolist() == [1.0]


@pytest.mark.parametrize(
    ("planned", "accident", "expected"),
    [
        ("alpine", "sport", 0.9),
        ("sport", "alpine", 0.3),
        ("trad", "aid", 0.8),
        ("boulder", "sport", 0.7),
        ("ice", "ice", 1),
        ("default", "default", 0.5),
        ("default", "trad", 0.5),
        ("trad", "default", 0.5),
    ],
)
def test_the_planned_kind_is_the_row_and_pairs_not_listed_are_a_half(planned, accident, expected):
    assert factors.kind_factor(kind_code(planned), np.array([kind_code(accident)], np.int8)).tolist() == [expected]


def test_severities_weigh_as_published():
    codes = np.array([SEVERITIES.index(name) for name in ("fatal", "serious", "minor", "unknown")])
    assert factors.severity_factor(codes).tolist() == [1.3, 1.1, 1.0, 1.0]


@pytest.mark.parametrize("word", ["unknown", "big_wall", "", None])
def test_a_climbing_type_outside_the_list_is_the_default(word):
    assert kind_code(word) == DEFAULT


def test_words_are_read_without_regard_to_case():
    assert kind_code(" Trad ") == TRAD
    assert severity_code("Fatal") == SEVERITIES.index("fatal")
    assert severity_code("none") == SEVERITIES.index("unknown")


@pytest.mark.parametrize(
    ("risk", "name"),
    [
        (0, "green"),
        (29.99, "green"),
        (30, "yellow"),
        (49.96, "yellow"),
        (50, "orange"),
        (69.999, "orange"),
        (70, "red"),
        (100, "red"),
    ],
)
def test_the_colour_follows_the_unrounded_risk(risk, name):
    assert str(colour(risk)) == name


def test_colours_keep_the_shape_of_the_risks():
    assert colour(np.array([[0.0, 30.0], [50.0, 70.0]])).tolist() == [["green", "yellow"], ["orange", "red"]]


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_no_accident_beyond_the_reach_can_matter(kind):
    reach = factors.reach_km(kind, accidents=1000, highest_similarity=2.0, left_out=1e-9)
    match = 0.5 if kind == DEFAULT else 1.0
    most = 7 * 1.05 * 1.15 * 1.3 * match * 2.0**3 * float(factors.distance_factor(np.array(reach), kind))
    assert 1000 * most <= 1e-9 * (1 + 1e-9)


@pytest.mark.parametrize("kind", range(len(KINDS)))
@pytest.mark.parametrize("accidents", [0, 1, 1000])
def test_at_the_reach_all_accidents_together_add_what_may_be_left_out(kind, accidents):
    """No more, or a risk is wrong; no less, or accidents are looked at for nothing."""
    reach = factors.reach_km(kind, accidents, highest_similarity=2.0, left_out=1e-9)
    match = 0.5 if kind == DEFAULT else 1.0
    most = 7 * 1.05 * 1.15 * 1.3 * match * 2.0**3 * float(factors.distance_factor(np.array(reach), kind))
    assert max(accidents, 1) * most == pytest.approx(1e-9, rel=1e-6)


def test_where_everything_may_be_left_out_nothing_is_in_reach():
    assert factors.reach_km(ALPINE, accidents=1, highest_similarity=1.0, left_out=100.0) == 0
