"""docs/measurements.md, written from what is kept. What explains a part is the docstring of its module."""

import ast
from collections.abc import Iterator
from pathlib import Path

from bench.harness import Ratio
from bench.kept import Kept, Round

TITLES = {
    "faults": "Faults: no run is lost",
    "telling": "From a fault to an alert",
    "dispatch": "From a request to the start of its job",
    "commands": "Commands",
    "idle": "Memory of an idle system",
    "suite": "The tests",
    "ingestion": "Ingestion",
    "archive": "The police archive",
    "grid": "The grid",
    "tiles": "Tiles",
    "exports": "Exports",
    "paths": "Paths",
    "places": "Places by name",
    "scores": "Route scores",
    "pages": "Pages of the admin app",
    "migrations": "Migrations",
}
"""{part: its title}, in the order of the page."""

INTRODUCTION = """\
# Measurements

`make bench` writes this page, from `measurements.json` beside it. `ONLY=grid` measures one part and replaces its rows;
other parts keep their rows, date and machine. `CHECK=1` fails if a goal is missed.

Most values are ratios: the time of Safegrid divided by that of a *peer* (another program that does the same) or of a
*floor* (the least that anybody has to do), measured in turns in the same run. A slow or busy machine slows both, so
compare ratios and not seconds. The last column has the values behind a ratio. A value without a goal is for
information.
"""
HEADER = "| what | measured | goal | met | details |\n|---|---|---|---|---|\n"


def render(kept: Kept) -> str:
    """The text of the page."""
    return INTRODUCTION + _missed(kept) + "".join(_part(part, kept[part]) for part in TITLES if part in kept)


def _missed(kept: Kept) -> str:
    """The rows whose goal was missed, of all parts."""
    rows = [
        f"| {TITLES[part]} | {_cell(row.name)} | {number(row.value, row.unit)} | {goal(row)} | {measured.date} |\n"
        for part in TITLES
        for measured in kept.get(part, ())
        for row in measured.rows
        if not row.is_met
    ]
    head = "\n## Goals that are missed\n\n| part | what | measured | goal | date |\n|---|---|---|---|---|\n"
    return head + "".join(rows) if rows else "\nEvery goal is met.\n"


def _part(part: str, rounds: list[Round]) -> str:
    return f"\n## {TITLES[part]}\n\n{_about(part)}\n\n`make bench ONLY={part}`\n" + "".join(map(_round, rounds))


def _about(part: str) -> str:
    """The docstring of the part's module, which is not imported: peers need not be installed to read of them."""
    source = (Path(__file__).parent / f"{part}.py").read_text()
    return ast.get_docstring(ast.parse(source)) or ""


def _round(measured: Round) -> str:
    rows = "".join(map(_row, measured.rows))
    return f"\n{'. '.join(_taken(measured))}.\n\n{HEADER}{rows}"


def _taken(measured: Round) -> Iterator[str]:
    yield f"Measured on {measured.date}, {measured.machine}"
    if measured.about:
        yield measured.about
    if measured.settings:
        yield "With " + ", ".join(f"`{name}={value}`" for name, value in measured.settings.items())
    if measured.versions:
        yield "Versions: " + ", ".join(f"{name} {version}" for name, version in measured.versions.items())


def _row(row: Ratio) -> str:
    met = "" if row.goal is None else "yes" if row.is_met else "**no**"
    cells = (row.name, number(row.value, row.unit), goal(row), met, row.detail)
    return f"| {' | '.join(map(_cell, cells))} |\n"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def number(value: float, unit: str) -> str:
    """A value with as many digits as say something."""
    return f"{value:,.0f} {unit}".rstrip() if abs(value) >= 100 else f"{value:.3g} {unit}".rstrip()


def goal(row: Ratio) -> str:
    """What was to be reached; empty where there is no goal."""
    if row.goal is None:
        return ""
    return f"at {'most' if row.better == 'lower' else 'least'} {number(row.goal, row.unit)}"
