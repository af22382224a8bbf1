"""`python -m bench [--only NAME] [--check]`: measure, print a table, and with --check fail where a goal is missed.

The rows replace those of the same part in docs/measurements.json and docs/measurements.md.
"""

import dataclasses
import datetime as dt
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench import kept
from bench.harness import Missing, Ratio
from bench.kept import Round
from bench.machine import machine, versions
from bench.page import goal, number

NOT_MEASUREMENTS = {"__init__", "__main__", "harness"}


def names() -> list[str]:
    """Every measurement: a module here that offers `measure`."""
    here = Path(__file__).parent
    found = (file.stem for file in here.glob("*.py") if "def measure(" in file.read_text())
    return sorted(set(found) - NOT_MEASUREMENTS)


def _measured(chosen: list[str]) -> Iterator[tuple[str, Ratio]]:
    """Each part is written as soon as it is measured: what comes after it may take hours."""
    for name in chosen:
        click.echo(f"measuring {name}", err=True)
        started = Round(_today(), machine(), versions(), _settings())
        rows = []
        try:
            for ratio in import_module(f"bench.{name}").measure():
                rows.append(ratio)
                yield name, ratio
        except Missing as missing:
            click.echo(f"{name} is left out: {missing}", err=True)
            continue
        kept.replace(name, dataclasses.replace(started, rows=rows))


def _today() -> str:
    return dt.datetime.now(dt.UTC).date().isoformat()


def _settings() -> dict[str, str]:
    """Variables that change what is measured, but for addresses."""
    return {
        name: value for name, value in sorted(os.environ.items()) if name.startswith("BENCH_") and "://" not in value
    }


@click.command()
@click.option("--only", multiple=True, type=click.Choice(names()), help="Only this measurement; may be repeated.")
@click.option("--check", is_flag=True, help="End with 1 where a goal is missed.")
@click.option("--page", is_flag=True, help="Only write docs/measurements.md anew, from what is kept.")
def main(only: tuple[str, ...], check: bool, page: bool) -> None:
    """Measure what the project promises."""
    if page:
        kept.write_page()
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("bench", "what", "measured", "goal", "", "how"):
        table.add_column(column, overflow="fold")
    missed = 0
    for name, ratio in _measured(list(only) or names()):
        missed += not ratio.is_met
        verdict = "" if ratio.goal is None else "met" if ratio.is_met else "MISSED"
        table.add_row(name, ratio.name, number(ratio.value, ratio.unit), goal(ratio), verdict, ratio.detail)
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    if check and missed:
        click.echo(f"{missed} goals are missed", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
