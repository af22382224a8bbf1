"""`python -m bench [--only NAME] [--check]`: measure, print a table, and with --check fail where a goal is missed."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.harness import Missing, Ratio

NOT_MEASUREMENTS = {"__init__", "__main__", "harness"}


def names() -> list[str]:
    """Every measurement: a module here that offers `measure`."""
    here = Path(__file__).parent
    found = (file.stem for file in here.glob("*.py") if "def measure(" in file.read_text())
    return sorted(set(found) - NOT_MEASUREMENTS)


def _measured(chosen: list[str]) -> Iterator[tuple[str, Ratio]]:
    for name in chosen:
        click.echo(f"measuring {name}", err=True)
        try:
            for ratio in import_module(f"bench.{name}").measure():
                yield name, ratio
        except Missing as missing:
            click.echo(f"{name} is left out: {missing}", err=True)


def _number(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 3
    return f"{value:,.{digits}f} {unit}"


def _goal(ratio: Ratio) -> str:
    if ratio.goal is None:
        return ""
    return f"{'at most' if ratio.better == 'lower' else 'at least'} {_number(ratio.goal, ratio.unit)}"


@click.command()
@click.option("--only", multiple=True, type=click.Choice(names()), help="Only this measurement; may be repeated.")
@click.option("--check", is_flag=True, help="End with 1 where a goal is missed.")
def main(only: tuple[str, ...], check: bool) -> None:
    """Measure what the project promises."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("bench", "what", "measured", "goal", "", "how"):
        table.add_column(column, overflow="fold")
    missed = 0
    for name, ratio in _measured(list(only) or names()):
        missed += not ratio.is_met
        verdict = "" if ratio.goal is None else "met" if ratio.is_met else "MISSED"
        table.add_row(name, ratio.name, _number(ratio.value, ratio.unit), _goal(ratio), verdict, ratio.detail)
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    if check and missed:
        click.echo(f"{missed} goals are missed", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
