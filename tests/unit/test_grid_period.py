"""Which months are read, and what they weigh."""

import datetime as dt

import pytest

from jobs.grid.period import Held, recency, select
from jobs.months import add_months

NEWEST = dt.date(2024, 1, 1)
HELD = [Held(add_months(NEWEST, -age), 10) for age in range(20, -1, -1)]


@pytest.mark.parametrize(
    ("age", "weight"), [(0, 1.0), (3, 1.0), (4, 0.75), (6, 0.75), (7, 0.5), (12, 0.5), (13, 0.25), (400, 0.25)]
)
def test_a_crime_weighs_less_the_more_months_it_is_back(age: int, weight: float) -> None:
    assert recency(add_months(NEWEST, -age), NEWEST) == weight


def test_the_newest_twelve_months_are_read_when_none_are_named() -> None:
    period = select(HELD, None, None, by_recency=False)
    assert (period.first, period.last) == (dt.date(2023, 2, 1), NEWEST)
    assert period.months == tuple(one.month for one in HELD[-12:])
    assert set(period.factors) == {1.0}


def test_both_ends_are_read() -> None:
    period = select(HELD, dt.date(2023, 3, 1), dt.date(2023, 5, 1), by_recency=True)
    assert period.months == (dt.date(2023, 3, 1), dt.date(2023, 4, 1), dt.date(2023, 5, 1))
    # Counted from the newest month held, not from the newest that is read.
    assert period.factors == (0.5, 0.5, 0.5)


def test_one_end_alone_leaves_the_other_to_what_is_held() -> None:
    assert select(HELD, dt.date(2022, 6, 1), None, by_recency=False).months == tuple(one.month for one in HELD[1:])


def test_the_last_month_alone_is_that_of_a_year() -> None:
    period = select(HELD, None, dt.date(2023, 7, 1), by_recency=False)
    assert (period.first, period.last, len(period.months)) == (dt.date(2022, 8, 1), dt.date(2023, 7, 1), 12)


def test_a_period_of_no_held_months_is_empty() -> None:
    assert select([], None, None, by_recency=True).months == ()
    period = select(HELD, dt.date(2030, 1, 1), None, by_recency=True)
    assert (period.months, period.resolutions) == ((), ())


def test_resolutions_of_the_months_are_told_apart() -> None:
    mixed = [Held(dt.date(2023, 12, 1), 9), Held(NEWEST, 10)]
    assert select(mixed, None, None, by_recency=False).resolutions == (9, 10)
    assert select(mixed, NEWEST, None, by_recency=False).resolutions == (10,)
