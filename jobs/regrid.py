"""The grid that the crimes which are held make necessary."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from jobs import context, crimes
from jobs.catalogue import FollowUp
from jobs.months import add_months, month_text, months_between

MOST_MONTHS = 60
"""Months that one run builds at most: five years. The source offers three, and what was ingested before stays."""


def outdated(_result: Any = None) -> list[FollowUp]:
    """What builds the grid of every month that is held and not as it stands in the grid."""
    here = context.current()
    with here.connection.begin():
        months = crimes.outdated_months(here.connection, here.settings.h3_resolution)
    return rebuilds(months)


def rebuilds(months: Sequence[dt.date]) -> list[FollowUp]:
    """What builds the grid of all these months; as many of them in a run as it takes."""
    if not months:
        return []
    newest = max(months)
    span = months_between(min(months), newest) + 1
    return [
        FollowUp(
            "rebuild_safety_grid",
            {"months": min(MOST_MONTHS, span - back), "until": month_text(add_months(newest, -back))},
        )
        for back in range(0, span, MOST_MONTHS)
    ]
