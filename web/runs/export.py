"""Runs as a file: CSV or a JSON array, a line a run, as the database gives them."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from web.http.clients import client
from web.runs import store
from web.runs.store import RunFilter
from web.runs.tasks import as_listed

# Some 40 MB; a filter picks the rest.
MOST_EXPORTED = 100_000
CSV_COLUMNS = ("task_id", "task_name", "status", "state", "parameters", "requested_by", "origin")
CSV_TIMES = ("created_at", "started_at", "ended_at")
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def lines(wanted: RunFilter, form: str) -> Iterator[str]:
    """The text of the file, `form`: csv or json. Connects with the first line."""
    if form == "csv":
        return _lines(wanted, _csv_line, _csv_head())
    return _as_array(_lines(wanted, json.dumps))


def _lines(wanted: RunFilter, line_of: Callable[[dict[str, Any]], str], head: str = "") -> Iterator[str]:
    engine = client().engine

    def lines() -> Iterator[str]:
        yield head
        with engine.connect() as connection:
            for run in store.every(connection, wanted, MOST_EXPORTED):
                yield line_of(as_listed(run))

    return lines()


def _as_array(lines: Iterator[str]) -> Iterator[str]:
    separator = "[\n"
    for line in filter(None, lines):
        yield separator + line
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _csv_head() -> str:
    return _as_csv([*CSV_COLUMNS, *CSV_TIMES, "error"])


def _csv_line(task: dict[str, Any]) -> str:
    values = {**task, "parameters": json.dumps(task["parameters"])}
    return _as_csv([_inert(values[name]) for name in (*CSV_COLUMNS, *CSV_TIMES, "error")])


def _inert(value: Any) -> str:
    """Spreadsheets take a text that begins like this for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _as_csv(values: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(values)
    return buffer.getvalue()
