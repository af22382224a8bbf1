"""Calendar months as the date of their first day, and as the text YYYY-MM."""

import calendar
import re
from collections.abc import Iterable
from datetime import date

from jobs.errors import PermanentError, WrongCall

EXPECTED = "must be a month, YYYY-MM"
"""Of a value that names none."""
_MONTH = re.compile(r"(?P<year>[12][0-9]{3})-(?P<month>0[1-9]|1[0-2])")


class NotAMonth(WrongCall, PermanentError):
    """A text that names no calendar month."""

    def __init__(self, text: object) -> None:
        super().__init__(f"Month {text} is not a month (expected YYYY-MM)")


def parse_month(text: str) -> date:
    """The first day of the month written as YYYY-MM. Raises NotAMonth."""
    match = _MONTH.fullmatch(text)
    if match is None:
        raise NotAMonth(text)
    return date(int(match["year"]), int(match["month"]), 1)


def month_text(month: date) -> str:
    """YYYY-MM, as the police service writes months."""
    return f"{month:%Y-%m}"


def months_text(months: Iterable[date]) -> str:
    """Months as people read them, newest first: those that follow each other as a span, `2024-03 to 2024-05`."""
    spans: list[list[date]] = []
    for month in sorted(set(months), reverse=True):
        if spans and add_months(month, 1) == spans[-1][-1]:
            spans[-1].append(month)
        else:
            spans.append([month])
    return ", ".join(_span_text(span[-1], span[0]) for span in spans)


def _span_text(first: date, last: date) -> str:
    return month_text(first) if first == last else f"{month_text(first)} to {month_text(last)}"


def add_months(month: date, count: int) -> date:
    """The first day of the month `count` calendar months later (earlier when negative)."""
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def months_between(older: date, newer: date) -> int:
    """How many calendar months `newer` is after `older`; negative when it is before."""
    return (newer.year - older.year) * 12 + newer.month - older.month


def months_from(oldest: date, newest: date) -> list[date]:
    """Every month from the oldest to the newest, both among them."""
    return [add_months(oldest, count) for count in range(months_between(oldest, newest) + 1)]


def days(months: Iterable[date]) -> int:
    """Days of calendar months."""
    return sum(calendar.monthrange(month.year, month.month)[1] for month in months)
