import math

import numpy as np
import pytest

from jobs.scores.weather.climatology import Climatology, MonthlyHistory


def days(start: str, count: int) -> np.ndarray:
    return np.datetime64(start) + np.arange(count)


def test_months_keep_their_count_mean_and_population_deviation():
    dates = np.array(["2025-01-05", "2024-01-06", "2025-07-01"], dtype="datetime64[D]")
    values = np.zeros((1, 3, 4))
    values[0, :, 0] = [2.0, 6.0, 20.0]
    history = MonthlyHistory.of(dates, values)
    assert history.count[0, [0, 6, 7], 0].tolist() == [2, 1, 0]
    assert history.mean[0, [0, 6], 0].tolist() == [4, 20]
    assert history.std[0, [0, 6], 0].tolist() == [2, 0]


def test_days_weigh_by_their_months_cyclic_distance():
    dates = days("2023-01-01", 3 * 365)
    temperature = np.sin(np.arange(len(dates)) / 58) * 15 + np.arange(len(dates)) % 7
    history = MonthlyHistory.of(dates, np.repeat(temperature[None, :, None], 4, axis=2))
    usual = history.on(np.array(["2026-12-24"], dtype="datetime64[D]"))

    months = dates.astype("datetime64[M]").astype(int) % 12
    apart = [min(abs(11 - month), 12 - abs(11 - month)) for month in months]
    weights = [math.exp(-m / 2) for m in apart]
    mean = sum(w * t for w, t in zip(weights, temperature, strict=True)) / sum(weights)
    variance = sum(w * (t - mean) ** 2 for w, t in zip(weights, temperature, strict=True)) / sum(weights)
    assert usual.mean[0, 0] == pytest.approx([mean] * 4)
    assert usual.std[0, 0] == pytest.approx([math.sqrt(variance)] * 4)


def test_a_field_never_observed_has_no_history():
    values = np.ones((1, 60, 4))
    values[0, :, 3] = np.nan
    usual = MonthlyHistory.of(days("2025-01-01", 60), values).on(days("2026-06-15", 2))
    assert usual.mean.shape == (1, 2, 4)
    assert np.isnan(usual.mean[..., 3]).all()
    assert usual.mean[..., :3] == pytest.approx(np.ones((1, 2, 3)))


def test_unread_means_of_months_without_days_do_not_spread():
    count, mean = np.zeros((1, 12, 4)), np.full((1, 12, 4), np.nan)
    count[0, 5], mean[0, 5] = 30, 8.0
    usual = MonthlyHistory(count, mean, np.where(np.isnan(mean), np.nan, 2.0)).on(days("2026-01-15", 1))
    assert usual.mean[0, 0] == pytest.approx([8.0] * 4)
    assert usual.std[0, 0] == pytest.approx([2.0] * 4)


def test_unknown_history_has_the_shape_of_the_planned_windows():
    assert Climatology.unknown(3, 7).mean.shape == (3, 7, 4)
