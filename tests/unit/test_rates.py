"""The exact tests of rates: against sums of whole numbers, and against what defines the correction."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.grid.rates import adjusted, at_least, differs, more

COUNTS = st.integers(0, 60)
SHARES = st.fractions(Fraction(1, 50), Fraction(49, 50), max_denominator=50)


def exactly(count: int, of: int, chance: Fraction) -> Fraction:
    """P(X >= count), every term a fraction."""
    return sum(
        (Fraction(math.comb(of, one)) * chance**one * (1 - chance) ** (of - one) for one in range(count, of + 1)),
        Fraction(0),
    )


@given(COUNTS, COUNTS, SHARES)
def test_tails_are_those_of_exact_sums(count: int, past: int, share: Fraction) -> None:
    of = count + past
    assert more(count, past, float(share)) == pytest.approx(float(exactly(count, of, share)), rel=1e-9, abs=1e-300)
    sides = exactly(count, of, share), exactly(past, of, 1 - share)
    assert differs(count, past, float(share)) == pytest.approx(float(min(Fraction(1), 2 * min(sides))), rel=1e-9)


def test_a_test_by_hand() -> None:
    # All of five crimes in a quarter of the time: a quarter to the fifth.
    assert more(5, 0, 0.25) == pytest.approx(1 / 1024)
    # Eight heads or more of ten coins.
    assert at_least(8, 10, 0.5) == pytest.approx(56 / 1024)
    assert differs(3, 3, 0.5) == 1
    assert differs(0, 0, 0.5) == 1


def test_counts_of_a_country_are_tested_too() -> None:
    assert at_least(500_000, 1_000_000, 0.5) == pytest.approx(0.5, abs=1e-3)
    assert at_least(501_500, 1_000_000, 0.5) == pytest.approx(0.00135, rel=0.01)
    assert at_least(600_000, 1_000_000, 0.5) == 0


def test_the_correction_is_that_of_its_authors() -> None:
    # The 15 chances of Benjamini and Hochberg's own example, of which they reject the first four at 0.05.
    chances = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
        0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
    ]  # fmt: skip
    assert (adjusted(chances) <= 0.05).tolist() == [True] * 4 + [False] * 11
    mixed = random.Random(1).sample(range(15), 15)
    assert adjusted([chances[at] for at in mixed]).tolist() == [adjusted(chances)[at] for at in mixed]
    assert adjusted([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_correction_rejects_what_the_step_up_rejects(chances: list[float], level: float) -> None:
    ranked = sorted(chances)
    passed = [rank for rank, one in enumerate(ranked, 1) if one <= rank * level / len(ranked)]
    limit = ranked[passed[-1] - 1] if passed else -1.0
    # On the very border the order of rounding decides.
    clear = [one for one in chances if abs(one - limit) > 1e-12 or one == limit]
    rejected = dict(zip(chances, (adjusted(chances) <= level * (1 + 1e-12)).tolist(), strict=True))
    assert [rejected[one] for one in clear] == [one <= limit for one in clear]


def test_of_cells_that_did_not_change_the_share_that_is_accused_stays_below_the_level() -> None:
    """Without a change every listed cell is wrong: in one family of twenty at most there is one."""
    chance = random.Random(4)
    accused = 0
    for _ in range(200):
        past = [sum(chance.random() < 0.5 for _ in range(60)) for _ in range(40)]
        recent = [sum(chance.random() < 0.5 for _ in range(20)) for _ in range(40)]
        tested = [more(new, old, 0.25) for new, old in zip(recent, past, strict=True)]
        accused += bool((adjusted(tested) <= 0.05).any())
    assert accused <= 200 * 0.05 * 2
