import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.scores.risk.similarity import Patterns, extreme_factor, similarity, weather_factor
from jobs.scores.weather.windows import Windows
from tests.unit import reference_risk as plain
from tests.unit.warming_outlooks import plain_windows, random_days, random_windows

RISING = [float(i) for i in range(7)]
STILL = [3.0] * 7
MILD, FREEZING_AND_THAWING = (1.0, 9.0), (-5.0, 5.0)


def window(*series: list[float], frost: int = 0) -> Windows:
    """One window whose first series are given and whose others never change."""
    days = np.full((1, 7, 7), 4.0)
    for column, values in enumerate(series):
        days[0, :, column] = values
    days[0, :, 5:] = MILD
    days[0, :frost, 5:] = FREEZING_AND_THAWING
    return Windows.of(days)


def first(windows: Windows, days: int) -> Windows:
    values = windows.values.copy()
    values[:, days:] = np.nan
    return Windows.of(values)


def alike(planned: Windows, past: Windows, extreme: float = 1.0) -> float:
    return float(similarity(planned, np.full(len(planned.days), extreme), Patterns.of(past))[0, 0])


def test_a_window_is_entirely_like_itself():
    assert alike(window(RISING), window(RISING)) == pytest.approx(1)


def test_two_constant_series_correlate_at_1_whatever_their_levels():
    assert alike(window(STILL), window([8.0] * 7)) == pytest.approx(1)


def test_one_constant_series_correlates_at_0():
    assert alike(window(STILL), window(RISING)) == pytest.approx(5.5 / 6)


def test_opposite_series_correlate_at_minus_1():
    assert alike(window(RISING), window(RISING[::-1])) == pytest.approx(5 / 6)


def test_equal_values_whose_mean_is_rounded_are_still_constant():
    assert alike(window([0.1] * 7), window(RISING)) == pytest.approx(5.5 / 6)


def test_the_smallest_steps_at_a_high_level_count_as_any_others():
    smallest = [2.0**30 + day * 2.0**-22 for day in range(7)]
    assert alike(window(smallest), window(RISING)) == pytest.approx(1)


def test_the_newest_day_weighs_most():
    newest = alike(window([0, 0, 0, 0, 0, 0, 1.0]), window(RISING))
    oldest = alike(window([-1.0, 0, 0, 0, 0, 0, 0]), window(RISING))
    assert newest > oldest


def test_days_weigh_085_to_the_power_of_their_age():
    weights = [0.85 ** (6 - i) for i in range(7)]
    weights = [weight / sum(weights) for weight in weights]
    jump = [0.0, 5.0, 1.0, 0.0, 2.0, 0.0, 1.0]
    expected = plain.correlation(RISING, jump, weights)
    assert alike(window(RISING), window(jump)) == pytest.approx((5 + (1 + expected) / 2) / 6)


@pytest.mark.parametrize(
    ("a", "b", "expected"), [(0, 0, 1), (7, 7, 1), (0, 1, 1 - 1 / 8), (0, 7, 0.5), (3, 5, 1 - 2 / 12)]
)
def test_days_that_freeze_and_thaw_are_compared_by_their_number(a, b, expected):
    assert alike(window(frost=a), window(frost=b)) == pytest.approx((5 + expected) / 6)
    assert alike(window(frost=b), window(frost=a)) == pytest.approx((5 + expected) / 6)


def test_a_day_that_touches_zero_does_not_thaw():
    touching = window()
    touching.values[0, :, 5] = 0.0
    assert alike(touching, window(frost=7)) == pytest.approx(5.5 / 6)


@pytest.mark.parametrize("length", [5, 6])
def test_of_windows_of_different_length_the_first_days_are_compared(length):
    whole, other = window(RISING, [1, 0, 2, 0, 5, 0, 0.0], frost=2), window(RISING[::-1], STILL, frost=7)
    expected = plain.similarity(plain_windows(whole)[0], plain_windows(other)[0][:length], None)
    assert alike(whole, first(other, length)) == pytest.approx(expected)
    assert alike(first(other, length), whole) == pytest.approx(expected)
    assert expected != pytest.approx(alike(whole, other))


@pytest.mark.parametrize("days", [0, 1, 4])
def test_fewer_than_5_days_are_half_alike_as_none_are(days):
    assert alike(first(window(RISING), days), window(RISING)) == 0.5
    assert alike(window(RISING), first(window(RISING), days)) == 0.5
    assert alike(first(window(RISING), days), window(RISING), extreme=3.0) == 0.5


def test_days_that_freeze_and_thaw_count_beyond_those_that_are_compared():
    frosty = window(frost=0)
    frosty.values[0, 6, 5:] = FREEZING_AND_THAWING
    assert alike(frosty, first(window(), 5)) == pytest.approx((5 + 1 - 1 / 8) / 6)
    assert alike(first(window(), 5), frosty) == pytest.approx((5 + 1 - 1 / 8) / 6)


def test_a_missing_pattern_is_half_alike_even_to_a_short_one_and_in_extreme_weather():
    assert alike(Windows.missing(1), window(RISING)) == 0.5
    assert alike(window(RISING), Windows.missing(1)) == 0.5
    assert alike(first(window(RISING), 3), Windows.missing(1)) == 0.5
    assert alike(window(RISING), Windows.missing(1), extreme=3.0) == 0.5


def test_extreme_weather_multiplies_the_similarity():
    assert alike(window(STILL), window(RISING), extreme=1.4) == pytest.approx(1.4 * 5.5 / 6)


def test_below_a_quarter_the_weather_factor_is_0_and_else_the_cube():
    factor = weather_factor(np.array([0.0, 0.2499999, 0.25, 0.5, 1.0, 1.4]))
    assert factor.tolist() == pytest.approx([0, 0, 0.25**3, 0.125, 1, 1.4**3])


def test_a_similarity_of_exactly_a_quarter_is_not_lost_to_rounding():
    assert weather_factor(np.array([0.25 - 1e-16])) == pytest.approx([0.25**3])


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        ((2.0, 2.0, 2.0, 2.0), 1),
        ((3.0, 0, 0, 0), 1.2),
        ((0, -4.0, 0, 0), 1.4),
        ((0, 0, 2.5, 0), 1.1),
        ((0, 0, 0, -3.0), 1.25),
        ((3.0, 3.0, 3.0, 3.0), 1.85),
    ],
)
def test_each_field_beyond_two_deviations_adds_its_weight(z, expected):
    usual, deviation = np.array([5.0, 1.0, 6.0, 9000.0]), np.array([2.0, 0.5, 1.5, 1000.0])
    assert float(extreme_factor(usual + np.array(z) * deviation, usual, deviation)) == pytest.approx(expected)


@pytest.mark.parametrize(("mean", "std"), [(np.nan, 1.0), (0.0, np.nan), (0.0, 0.0), (0.0, 1e-17)])
def test_without_history_nothing_is_extreme(mean, std):
    assert float(extreme_factor(np.full(4, 50.0), np.full(4, mean), np.full(4, std))) == 1


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_matrix_agrees_with_the_plain_loops(seed):
    rng = np.random.default_rng(seed)
    planned, past = random_windows(rng, 6), random_windows(rng, 8)
    matrix = similarity(planned, np.ones(6), Patterns.of(past))
    loops = [[plain.similarity(a, b, None) for b in plain_windows(past)] for a in plain_windows(planned)]
    np.testing.assert_allclose(matrix, loops, rtol=0, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.5))
def test_whatever_values_are_null_the_matrix_agrees_with_the_plain_loops(seed, share):
    rng = np.random.default_rng(seed)
    planned, past = (np.where(rng.random((n, 7, 7)) < share, np.nan, random_days(rng, n, 7)) for n in (6, 8))
    matrix = similarity(Windows.of(planned), np.ones(6), Patterns.of(Windows.of(past)))
    loops = [[plain.similarity(plain.known_days(a), plain.known_days(b), None) for b in past] for a in planned]
    np.testing.assert_allclose(matrix, loops, rtol=0, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e150, 1e150), min_size=7, max_size=7), st.sampled_from([1e-300, 1e-9, 1.0]))
def test_no_series_however_wild_leaves_the_bounds(values, scale):
    value = alike(window([v * scale for v in values]), window(RISING))
    assert 0 <= value <= 1 + 1e-12
