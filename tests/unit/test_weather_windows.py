import numpy as np
import pytest

from jobs.scores.weather.windows import Windows

CALM = [5.0, 0.0, 2.0, 9000.0, 50.0, 1.0, 9.0]
UNSEEN = [np.nan] * 7


def test_an_unknown_visibility_is_10_km():
    windows = Windows.of([[[5.0, 0.0, 2.0, np.nan, 50.0, 1.0, 9.0]] * 7])
    assert windows.days.tolist() == [7]
    assert windows.values[0, :, 3].tolist() == [10_000.0] * 7


def test_an_unknown_cloud_cover_is_50_percent_and_counted():
    days = [list(CALM) for _ in range(7)]
    days[2][4] = days[5][4] = days[6][4] = np.nan
    days[6][0] = np.nan
    windows = Windows.of([days])
    assert (windows.days.tolist(), windows.clouds_assumed.tolist()) == ([6], [2])
    assert windows.values[0, :, 4].tolist() == [50, 50, 50, 50, 50, 50, 0]
    assert Windows.of([[CALM] * 7]).clouds_assumed.tolist() == [0]


def test_a_day_without_its_lowest_or_highest_temperature_is_known_and_does_not_thaw():
    days = [[-1.0, *CALM[1:5], -5.0, 5.0] for _ in range(7)]
    days[0][5] = days[1][6] = np.nan
    windows = Windows.of([days])
    assert windows.days.tolist() == [7]
    assert ((windows.values[0, :, 5] < 0) & (windows.values[0, :, 6] > 0)).tolist() == [False, False, *[True] * 5]


@pytest.mark.parametrize("field", [0, 1, 2])
def test_a_window_of_fewer_than_5_known_days_is_missing(field):
    days = [list(CALM) for _ in range(7)]
    days[1][field] = days[3][field] = np.nan
    assert Windows.of([days]).days.tolist() == [5]
    days[5][field] = np.inf
    short = Windows.of([days])
    assert short.days.tolist() == [0]
    assert not short.values.any()
    assert np.isnan(short.means()).all()


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
    owner = np.array([1, 0, 1, 1, *[1] * 4])
    day = np.array([6, 6, 0, 7, 4, 2, 3, 1])
    values = [[float(n), *CALM[1:]] for n in (26, 10, 20, 99, 24, 22, 23, 21)]
    windows = Windows.scattered(3, owner, day, values)
    assert windows.days.tolist() == [0, 6, 0]
    assert windows.values[1, :, 0].tolist() == [20, 21, 22, 23, 24, 26, 0]


def test_means_are_over_the_known_days_and_nan_without_any():
    values = np.full((2, 7, 7), np.nan)
    values[0, :5] = CALM
    values[0, 4, 0] = 10.0
    means = Windows.of(values).means()
    assert means[0, 0] == pytest.approx(6.0)
    assert np.isnan(means[1]).all()


def test_values_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2,\) need values of shape \(2, 7, 7\), not \(2, 6, 7\)"):
        Windows(np.zeros((2, 6, 7)), np.zeros(2, np.int8), np.zeros(2, np.int8))
