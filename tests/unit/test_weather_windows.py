import numpy as np
import pytest

from jobs.scores.weather.windows import Windows

CALM = [5.0, 0.0, 2.0, 9000.0, 50.0, 1.0, 9.0]
UNSEEN = [np.nan] * 7


def test_an_unknown_visibility_is_10_km():
    windows = Windows.of([[[5.0, 0.0, 2.0, np.nan, 50.0, 1.0, 9.0]] * 7])
    assert windows.days.tolist() == [7]
    assert windows.values[0, :, 3].tolist() == [10_000.0] * 7


def test_days_that_lack_a_value_are_left_out_and_the_others_stand_in_front():
    days = [[float(i), *CALM[1:]] for i in range(7)]
    days[0] = UNSEEN
    days[3] = [3.0, np.nan, *CALM[2:]]
    windows = Windows.of([days])
    assert windows.days.tolist() == [5]
    assert windows.values[0, :, 0].tolist() == [1, 2, 4, 5, 6, 0, 0]


def test_a_window_without_any_day_is_missing():
    assert Windows.of([[UNSEEN] * 7]).days.tolist() == [0]
    assert Windows.missing(2, 3).days.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_rolling_windows_end_on_each_planned_day():
    daily = np.array([[[float(i), *CALM[1:]] for i in range(9)]])
    windows = Windows.rolling(daily)
    assert windows.days.tolist() == [[7, 7, 7]]
    assert windows.values[0, 0, :, 0].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert windows.values[0, 2, :, 0].tolist() == [2, 3, 4, 5, 6, 7, 8]


def test_rolling_needs_six_days_before_the_first_planned_one():
    with pytest.raises(ValueError, match=r"at least 7 days.*\(1, 6, 7\)"):
        Windows.rolling(np.zeros((1, 6, 7)))


def test_scattered_days_find_their_window_in_any_order():
    owner = np.array([1, 0, 1, 1])
    day = np.array([6, 6, 0, 7])
    values = [[20.0, *CALM[1:]], [10.0, *CALM[1:]], [19.0, *CALM[1:]], [99.0, *CALM[1:]]]
    windows = Windows.scattered(3, owner, day, values)
    assert windows.days.tolist() == [1, 2, 0]
    assert windows.values[1, :2, 0].tolist() == [19, 20]


def test_means_are_over_the_known_days_and_nan_without_any():
    values = np.full((2, 7, 7), np.nan)
    values[0, :5] = CALM
    values[0, 4, 0] = 10.0
    means = Windows.of(values).means()
    assert means[0, 0] == pytest.approx(6.0)
    assert np.isnan(means[1]).all()


def test_values_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2,\) need values of shape \(2, 7, 7\), not \(2, 6, 7\)"):
        Windows(np.zeros((2, 6, 7)), np.zeros(2, np.int8))
