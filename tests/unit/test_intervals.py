"""Intervals of few crimes: against published ends, and against the tails that they are defined by."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.grid.intervals import MOST, garwood

# Garwood (1936), as tables of exact Poisson limits have them.
PUBLISHED = {
    0: (0.0, 3.688879),
    1: (0.025318, 5.571643),
    2: (0.242209, 7.224688),
    3: (0.618672, 8.767273),
    4: (1.089865, 10.241589),
    5: (1.623486, 11.668332),
    10: (4.795389, 18.390356),
    20: (12.216520, 30.888377),
}


@pytest.mark.parametrize(("count", "ends"), PUBLISHED.items())
def test_ends_are_the_published_ones(count: int, ends: tuple[float, float]) -> None:
    assert garwood(count) == pytest.approx(ends, abs=1e-6)


def chance_of_at_most(count: int, mean: float) -> float:
    """By the recurrence of the terms, exactly, with e from its series."""
    exact = Fraction(mean)
    term = total = Fraction(1)
    for events in range(1, count + 1):
        term *= exact / events
        total += term
    series = whole = Fraction(1)
    for power in range(1, 200):
        series *= exact / power
        whole += series
    return float(total / whole)


@given(st.integers(1, 25))
def test_each_end_leaves_a_fortieth_beyond_it(count: int) -> None:
    lower, upper = garwood(count)
    assert 1 - chance_of_at_most(count - 1, lower) == pytest.approx(0.025, abs=1e-9)
    assert chance_of_at_most(count, upper) == pytest.approx(0.025, abs=1e-9)


def test_intervals_hold_their_count_and_grow_with_it() -> None:
    ends = [garwood(count) for count in (*range(60), 200, MOST)]
    assert all(
        lower < count < upper for count, (lower, upper) in zip((*range(60), 200, MOST), ends, strict=True) if count
    )
    assert ends == sorted(ends)
