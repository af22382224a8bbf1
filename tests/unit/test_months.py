"""Calendar months as dates and as text."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.months import NotAMonth, add_months, month_text, months_text, parse_month

firsts = st.dates(dt.date(1000, 1, 1), dt.date(2999, 12, 31)).map(lambda day: day.replace(day=1))


@given(firsts)
def test_the_text_of_a_month_reads_back_as_that_month(month: dt.date) -> None:
    assert parse_month(month_text(month)) == month


@pytest.mark.parametrize(
    "text", ["2024-13", "2024-00", "2024-1", "24-01", "2024-01-01", "2024/01", " 2024-01", "2024-01\n", "", "٢٠٢٤-01"]
)
def test_what_is_no_month_is_refused_with_the_form_that_is_expected(text: str) -> None:
    with pytest.raises(NotAMonth) as caught:
        parse_month(text)
    assert str(caught.value) == f"Month {text} is not a month (expected YYYY-MM)"


@pytest.mark.parametrize(
    ("month", "count", "expected"),
    [("2024-01", -1, "2023-12"), ("2024-12", 1, "2025-01"), ("2024-03", -12, "2023-03"), ("2024-03", 0, "2024-03")],
)
def test_months_are_counted_over_the_turn_of_the_year(month: str, count: int, expected: str) -> None:
    assert month_text(add_months(parse_month(month), count)) == expected


@given(firsts.filter(lambda month: 1100 < month.year < 2900), st.integers(-1000, 1000))
def test_going_back_as_far_as_one_went_leads_home(month: dt.date, count: int) -> None:
    there = add_months(month, count)
    assert there.day == 1
    assert add_months(there, -count) == month


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        ((), ""),
        (("2024-01",), "2024-01"),
        (("2024-01", "2023-12"), "2023-12 to 2024-01"),
        (("2023-10", "2024-02", "2024-01", "2024-02", "2023-12"), "2023-12 to 2024-02, 2023-10"),
    ],
)
def test_months_in_a_row_are_told_as_a_span(months: tuple[str, ...], expected: str) -> None:
    assert months_text(map(parse_month, months)) == expected
