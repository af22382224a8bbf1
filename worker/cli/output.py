"""How the commands show things: JSON and tables on stdout."""

import json
import shutil
from collections.abc import Sequence
from typing import Any

import click


def as_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], empty: str) -> None:
    """A table on stdout, or on stderr what to do where there is nothing to show. Only the last column is cut."""
    if not rows:
        click.echo(empty, err=True)
        return
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    terminal = shutil.get_terminal_size((10_000, 24)).columns
    click.secho(_line(columns, widths)[:terminal], bold=True)
    for row in cells:
        click.echo(_line(row, widths)[: max(terminal, sum(widths[:-1]))])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "isoformat") else str(value)
