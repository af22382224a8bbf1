"""Months in a row of which nothing is held are one line."""

import datetime as dt

from web.data.lines import Line, lines


def test_every_known_month_has_a_line_and_those_between_share_one() -> None:
    may, april, january = dt.date(2024, 5, 1), dt.date(2024, 4, 1), dt.date(2023, 1, 1)
    found = lines(may, january, {may, april, january})
    assert found == [
        Line(may, may),
        Line(april, april),
        Line(dt.date(2024, 3, 1), dt.date(2023, 2, 1)),
        Line(january, january),
    ]
    assert [line.count for line in found] == [1, 1, 14, 1]
