"""The page of tables and keys has those of the code, and no others."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, text

from jobs.models.every import METADATA
from tests.docs.blocks import ROOT
from tests.docs.pages import in_code, tables

PAGE = "docs/data.md"
# Where PostGIS is, and while months come in: jobs/grid/shapes.py, jobs/held/partitions.py.
AT_WORK = {"cell_shapes", "crime_incidents_YYYYMM", "incoming_N"}
_KEY = re.compile(r"(safegrid:[a-z]|safety_score$|safety:snapshot)\S*")
# A lock in PostgreSQL, and parts of a map's style.
_NO_KEYS = re.compile(r"safegrid:(pull|months|unit)\b")


def test_every_table_is_listed_and_is_there(connection: Connection) -> None:
    views = connection.scalars(text("SELECT viewname FROM pg_views WHERE schemaname = current_schema()")).all()
    listed = {name for names, _ in tables(PAGE, "| table | one row is |") for name in in_code(names)}
    postgis = {view for view in views if view.startswith(("geo", "raster"))}
    assert listed == set(METADATA.tables) | set(views) - postgis | AT_WORK


def keys(file: Path) -> Iterator[str]:
    """What the code of a file calls keys of Redis: texts that begin as ours do, up to what is filled in."""
    tree = ast.parse(file.read_text())
    locks = {
        id(part)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "lock"
        for part in ast.walk(call)
    }
    for part in ast.walk(tree):
        is_text = isinstance(part, ast.Constant) and isinstance(part.value, str) and id(part) not in locks
        if is_text and _KEY.fullmatch(part.value) and not _NO_KEYS.match(part.value):
            yield fixed(part.value)


def fixed(key: str) -> str:
    """A key up to the first part that is filled in."""
    return re.split(r"[{*]", key)[0].rstrip(":")


def test_every_key_is_listed_and_is_used() -> None:
    files = (file for room in ("jobs", "worker", "web") for file in (ROOT / room).rglob("*.py"))
    used = {key for file in files for key in keys(file)}
    listed = {fixed(key) for names, _ in tables(PAGE, "| key | value |") for key in in_code(names)}
    assert used | {"rq"} == listed
