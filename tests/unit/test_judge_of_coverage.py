"""What a force supplied of a month, judged by counts."""

import datetime as dt
from dataclasses import replace

import pytest

from jobs.coverage.gaps import Gap
from jobs.coverage.judge import Count, Series, Verdict, judge
from jobs.coverage.usual import Usual, usual
from jobs.months import add_months

MONTH = dt.date(2024, 6, 1)
NEAR = Usual(1000, 100, True)
GAP = Gap("x", MONTH, MONTH, "missing", "No file", "Audit")


def series(*counts: int, whole: bool = False, unplaced: int | None = None) -> Series:
    """The counts are those of MONTH, of the month before, and so on."""
    months = {add_months(MONTH, -back): Count(count, unplaced) for back, count in enumerate(counts)}
    return Series("x", whole, months)


def status(found: Series, level: Usual | None = None, *gaps: Gap) -> str:
    return judge(found, MONTH, gaps, level).status


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((900,), "unknown"),
        ((900, 900, 900), "unknown"),
        ((900, 1000, 950, 1100), "complete"),
        ((700, 1000, 950, 1100), "complete"),
        ((600, 1000, 950, 1100), "unknown"),
        ((300, 1000, 950, 1100), "partial"),
        ((5, 1000, 950, 1100), "missing"),
        ((0, 1000), "missing"),
        ((0, 40), "unknown"),
        ((0, 40, 40, 40), "unknown"),
        ((799, 273, 161, 278), "unknown"),
        ((273, 799, 161, 278), "unknown"),
        ((161, 799, 273, 278), "unknown"),
        ((800, 300, 160, 280, 800, 810, 790, 805), "complete"),
        ((300, 800, 160, 280, 800, 810, 790, 805), "partial"),
    ],
)
def test_a_part_is_judged_by_its_own_months_and_left_open_where_most_may_be_damaged(
    counts: tuple[int, ...], expected: str
) -> None:
    assert status(series(*counts)) == expected


@pytest.mark.parametrize(
    ("placed", "expected"),
    [
        (0, "missing"),
        (17, "missing"),
        (18, "partial"),
        (449, "partial"),
        (450, "unknown"),
        (629, "unknown"),
        (630, "complete"),
        (5000, "complete"),
    ],
)
def test_one_month_of_a_whole_force_is_judged_by_what_is_usual_of_it(placed: int, expected: str) -> None:
    assert status(series(placed, whole=True), NEAR) == expected
    assert status(series(placed, whole=True)) == "unknown"


def test_crimes_without_a_place_count_where_they_are_asked_for() -> None:
    assert status(series(600, whole=True, unplaced=100), NEAR) == "complete"
    assert status(series(600, whole=True, unplaced=99), NEAR) == "unknown"


def test_a_level_of_years_ago_neither_accuses_nor_clears_against_the_months_beside_it() -> None:
    long_ago = replace(NEAR, is_near=False)
    assert status(series(300, 310, 290, 300, whole=True), NEAR) == "partial"
    assert status(series(300, 310, 290, 300, whole=True), long_ago) == "unknown"
    assert status(series(300, whole=True), long_ago) == "partial"
    assert status(series(560, 1500, 1500, 1500, whole=True), long_ago) == "partial"
    assert status(series(560, whole=True), long_ago) == "complete"


def test_a_part_with_most_of_the_whole_force_s_crimes_lacks_nothing() -> None:
    assert status(series(700), NEAR) == "complete"
    assert status(series(699), NEAR) == "unknown"
    assert status(series(700), replace(NEAR, is_near=False)) == "unknown"


def test_a_force_that_always_has_crimes_without_a_place_and_has_none_is_partial() -> None:
    found = series(1000, 1000, 1000, 1000, unplaced=10)
    assert status(found) == "complete"
    lost = replace(found, months=found.months | {MONTH: Count(1000, 0)})
    assert judge(lost, MONTH, (), None) == Verdict(
        "partial", "No crimes without a place; each month around it has at least 10"
    )
    now_and_then = replace(lost, months=lost.months | {add_months(MONTH, -2): Count(1000, 9)})
    assert status(now_and_then) == "complete"


def test_a_force_that_stopped_years_ago_is_missing_though_the_months_beside_are_alike() -> None:
    stopped = {add_months(MONTH, -back): Count(4) for back in range(40)}
    once = {add_months(MONTH, -back): Count(2000) for back in range(40, 43)}
    assert status(Series("x", False, stopped | once)) == "missing"
    assert status(Series("x", False, stopped)) == "unknown"


@pytest.mark.parametrize(("kind", "expected"), [("missing", "missing"), ("late", "missing"), ("partial", "partial")])
def test_a_known_gap_decides_where_the_counts_do_not(kind: str, expected: str) -> None:
    gap = replace(GAP, kind=kind)
    found = judge(series(40), MONTH, (gap,), None)
    assert found == Verdict(expected, "No file (Audit). 40 crimes are ingested in its territory")


def test_a_known_gap_that_the_counts_gainsay_is_said_and_one_that_is_partial_stays() -> None:
    whole = series(1000, whole=True)
    found = judge(whole, MONTH, (GAP,), NEAR)
    assert found.status == "complete"
    assert "Delete the gap" in found.reason
    assert status(whole, NEAR, replace(GAP, kind="partial")) == "partial"


def test_months_of_a_known_gap_are_no_measure_of_the_others() -> None:
    months = (500, 500, 500, 500, 20, 20, 20, 20, 20, 20, 20, 20)
    gap = replace(GAP, first_month=add_months(MONTH, -11), last_month=add_months(MONTH, -4))
    assert status(series(*months)) == "unknown"
    assert status(series(*months), None, gap) == "complete"


def test_a_gap_that_was_corrected_holds_for_earlier_releases_only() -> None:
    gap = replace(GAP, corrected_release=dt.date(2024, 9, 1))
    releases = {None: True, dt.date(2024, 8, 1): True, dt.date(2024, 9, 1): False, dt.date(2025, 1, 1): False}
    assert {release: gap.covers(MONTH, release) for release in releases} == releases
    assert not gap.covers(add_months(MONTH, 1), None)
    assert replace(gap, last_month=None).covers(add_months(MONTH, 100), None)


def test_what_is_usual_lies_between_the_eras_in_which_it_was_measured() -> None:
    assert usual("cheshire", dt.date(2018, 12, 1)) == Usual(8400, 0, True)
    assert usual("cheshire", dt.date(2025, 4, 1)) == Usual(6300, 0, True)
    assert usual("cheshire", dt.date(2025, 5, 1)) == Usual(6300, 0, False)
    between = usual("cheshire", dt.date(2021, 7, 1))
    assert between is not None
    assert (6300 < between.rows < 8400, between.is_near) == (True, False)
    assert usual("northern-ireland", dt.date(2024, 1, 1)) == Usual(11800, 69, False)
    assert usual("greater-manchester", dt.date(2024, 1, 1)) is None
