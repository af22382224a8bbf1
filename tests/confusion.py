"""`python -m tests.confusion`: what the judge of coverage says of force-months whose truth is known.

Truth: the real street files of 41 forces in nine months (a month without rows: the file is missing), the gaps that are
known of further months, and parts of Hampshire as they are and with rows taken out of them.
"""

import csv
import datetime as dt
import random
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from io import StringIO
from typing import Any

import click
import h3

from jobs.coverage.gaps import Gap, of_force
from jobs.coverage.judge import Count, Series, judge
from jobs.coverage.usual import Usual, usual
from jobs.models.coverage import STATUSES
from jobs.months import add_months, parse_month
from tests.conftest import SHARED

FORCE_MONTHS = SHARED / "data/police/force_months.csv"
HAMPSHIRE = SHARED / "data/police/hampshire.zip"
DAMAGED = {("dyfed-powys", f"2024-0{month}") for month in range(1, 5)}
UNLABELLED = {("kent", "2018-12")}
"""Half of the months beside it (8,438 of 13,818 to 19,396), and nobody has said why: neither complete nor a gap."""
# Of its usual rows, what is left of Dyfed-Powys in 2024-01 to 2024-04.
LEFT = (0.37, 0.09, 0.05, 0.09)

Level = Callable[[str, dt.date], Usual | None]


@dataclass(frozen=True)
class Case:
    """A month of a series, and what is true of it."""

    series: Series
    month: dt.date
    label: str
    gaps: tuple[Gap, ...] = ()


def known_gaps() -> list[Gap]:
    """The gaps that the migration fills the table with."""
    migration = import_module("jobs.migrations.versions.0014_coverage")
    return [Gap(**migration._row(*gap)) for gap in migration.GAPS]


def by_rows(path: Any = FORCE_MONTHS) -> dict[str, Series]:
    """The whole land of every force of the table, month by month."""
    months: dict[str, dict[dt.date, Count]] = defaultdict(dict)
    with open(path, newline="") as lines:
        for row in csv.DictReader(lines):
            unplaced = int(row["without_place"] or 0)
            months[row["force"]][parse_month(row["month"])] = Count(int(row["rows"] or 0) - unplaced, unplaced)
    return {force: Series(force, True, held) for force, held in months.items()}


def files(gaps: list[Gap]) -> Iterator[Case]:
    """The force-months of the table; one without rows has no file."""
    for force, series in by_rows().items():
        for month, count in series.months.items():
            key = (force, f"{month:%Y-%m}")
            label = "partial" if key in DAMAGED else "missing" if count.placed == 0 else "complete"
            yield Case(series, month, "unlabelled" if key in UNLABELLED else label, tuple(of_force(gaps, force)))


def further_gaps(gaps: list[Gap]) -> Iterator[Case]:
    """Every month of the known gaps until 2025-12 that has no file, as its land looks then: with neighbours' crimes.

    Beside it the months of the two years before, where the force supplied them.
    """
    for gap in known_gaps():
        if gap.kind != "missing":
            continue
        level = usual(gap.force, gap.first_month)
        rows = round(level.rows) if level else 24_000
        last = gap.last_month or dt.date(2025, 12, 1)
        lost = list(_months(gap.first_month, last))
        before = {add_months(gap.first_month, -back): Count(rows, 0) for back in range(1, 13)}
        # 0.4 % of what is usual; on the railways, where nobody is a neighbour, none.
        left = Count(0 if gap.force == "btp" else round(0.004 * rows), 0, dt.date(2023, 1, 1))
        months = dict.fromkeys(lost, left) | before
        for month in lost:
            yield Case(
                Series(gap.force, gap.force != "btp", months), month, "missing", tuple(of_force(gaps, gap.force))
            )


def corrected(gaps: list[Gap]) -> Iterator[Case]:
    """Devon and Cornwall's two months as of the release that supplied them."""
    held = Count(11_000, 500, dt.date(2024, 2, 1))
    months = {dt.date(2022, month, 1): held for month in (10, 11, 12)}
    for month in list(months)[1:]:
        series = Series("devon-and-cornwall", True, months)
        yield Case(series, month, "complete", tuple(of_force(gaps, series.force)))


def parts(damage: Callable[[dt.date], float] | None = None) -> Iterator[Case]:
    """Hampshire's land in parts, hexagons of resolution 5 (about 230 square kilometres): nine real months each.

    damage: the share of a month's rows that stays, below 1 for the months that are damaged.
    """
    chance = random.Random("parts of Hampshire")
    counted: dict[str, dict[dt.date, int]] = defaultdict(lambda: dict.fromkeys(held, 0))
    held = [parse_month(month) for month in ("2018-10", "2018-11", "2018-12", "2019-01", "2019-02")]
    held += [parse_month(f"2024-0{month}") for month in range(1, 5)]
    with zipfile.ZipFile(HAMPSHIRE) as archive:
        for name in archive.namelist():
            month = parse_month(name.rsplit("/", maxsplit=1)[-1][:7])
            left = damage(month) if damage else 1.0
            for row in csv.DictReader(StringIO(archive.read(name).decode(), newline="")):
                if row["Latitude"] and (left == 1 or chance.random() < left):
                    cell = h3.latlng_to_cell(float(row["Latitude"]), float(row["Longitude"]), 5)
                    counted[cell][month] += 1
    for months in counted.values():
        series = Series("hampshire", False, {month: Count(count) for month, count in months.items()})
        for month in held:
            yield Case(series, month, "partial" if damage and damage(month) < 1 else "complete")


def _months(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    while first <= last:
        yield first
        first = add_months(first, 1)


def other_era(force: str, month: dt.date) -> Usual | None:
    """What is usual by the other era alone, five years away."""
    level = usual(force, dt.date(2019, 1, 1) if month.year > 2020 else dt.date(2024, 1, 1))
    return replace(level, is_near=False) if level else None


def unmeasured(_force: str, _month: dt.date) -> None:
    """Nothing is known to be usual."""


Table = dict[str, Counter[str]]


def confusion(cases: Iterator[Case], level: Level = usual) -> Table:
    """{truth: {verdict: months}}"""
    table: Table = defaultdict(Counter)
    for case in cases:
        verdict = judge(case.series, case.month, case.gaps, level(case.series.force, case.month))
        table[case.label][verdict.status] += 1
    return table


def scenarios() -> Iterator[tuple[str, Table]]:
    """Every table with its title."""
    gaps = known_gaps()
    yield "Street files of 41 forces, 9 months: as it ships", confusion(files(gaps))
    yield "The same without the known gaps", confusion(files([]))
    yield "The same by what is usual in the other era alone", confusion(files([]), other_era)
    yield "The same by the other months alone", confusion(files([]), unmeasured)
    yield "Known gaps without a file, until 2025-12", confusion(further_gaps(gaps))
    yield "The same without the known gaps, after a year that was supplied", confusion(further_gaps([]))
    yield "Devon and Cornwall 2022-11 and -12 as of release 2024-02", confusion(corrected(gaps))
    yield "Parts of Hampshire, 9 months", confusion(parts())
    yield (
        "The same, one month of four thinned to 37 %",
        confusion(parts(lambda month: 0.37 if f"{month:%Y-%m}" == "2024-02" else 1)),
    )
    yield (
        "The same, four of four thinned as Dyfed-Powys",
        confusion(parts(lambda month: LEFT[month.month - 1] if month.year == 2024 else 1)),
    )


def main() -> None:
    for title, table in scenarios():
        click.echo(f"\n{title}\n{'truth':12}" + "".join(f"{status:>10}" for status in STATUSES))
        for label, verdicts in sorted(table.items()):
            click.echo(f"{label:12}" + "".join(f"{verdicts[status]:10}" for status in STATUSES))


if __name__ == "__main__":
    main()
