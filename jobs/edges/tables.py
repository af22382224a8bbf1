"""Tables of edges as they are read, and of their costs as they are written: CSV, or Parquet by its name's end."""

import csv
import gzip
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol

import numpy as np
import shapely
from shapely.errors import GEOSException

from jobs.errors import PermanentError
from jobs.grid.export.extras import needed
from jobs.grid.paths.geodesy import Floats

ID: Final = "edge_id"
GEOMETRY: Final = "geometry"
# Of cells, costs are read for so many edges at once; roads have a few cells each.
BATCH: Final = 500
# A line of a file: no way of a network has so many corners.
_LONGEST: Final = 2 * 2**20


class EdgesRefused(PermanentError):
    """A file of edges that cannot be read. Nothing was written."""


@dataclass(frozen=True)
class Edges:
    """Some edges of a file."""

    first: int
    """Number of the first of them, from 1 on."""
    ids: Sequence[Any]
    lines: list[Floats]
    """Positions in degrees, longitude first: shape (n, 2) each."""


class Writer(Protocol):
    """A file of costs."""

    def write(self, ids: Sequence[Any], costs: dict[str, list[Any]]) -> None:
        """Write them, column by column."""


def is_parquet(path: Path) -> bool:
    """Whether the file is, or is to be, Parquet."""
    return path.suffix == ".parquet"


def read(path: Path) -> Iterator[Edges]:
    """Some edges at a time. Raises EdgesRefused, ExtraMissing."""
    number = 1
    for ids, shapes in (_parquet if is_parquet(path) else _csv)(path):
        lines = [_line(path, number + at, shape) for at, shape in enumerate(shapes)]
        yield Edges(number, ids, lines)
        number += len(lines)
    if number == 1:
        raise EdgesRefused(f"{path.name} has no edges: every row needs edge_id and geometry")


def _csv(path: Path) -> Iterator[tuple[list[str], list[Any]]]:
    csv.field_size_limit(_LONGEST)
    opened: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, strict=True)
            _check_columns(path, rows.fieldnames or ())
            while batch := list(itertools.islice(rows, BATCH)):
                yield [row[ID] for row in batch], [_text(path, rows.line_num, row[GEOMETRY]) for row in batch]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise EdgesRefused(f"{path.name} cannot be read: {error}") from None


def _text(path: Path, line: int, given: str | None) -> Any:
    try:
        # It warns of coordinates that are no numbers, which are refused below.
        with np.errstate(invalid="ignore"):
            return shapely.from_wkt(given or "")
    except GEOSException:
        said = f"{path.name}: up to line {line} a geometry is not valid WKT (given: {(given or 'nothing')[:60]})"
        raise EdgesRefused(said) from None


def _parquet(path: Path) -> Iterator[tuple[list[Any], list[Any]]]:
    pa, parquet = (needed(name, "parquet") for name in ("pyarrow", "pyarrow.parquet"))
    try:
        with parquet.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow.names)
            for batch in file.iter_batches(BATCH, columns=[ID, GEOMETRY]):
                yield batch.column(ID).to_pylist(), list(shapely.from_wkb(batch.column(GEOMETRY).to_pylist()))
    except (OSError, pa.ArrowException, GEOSException, TypeError) as error:
        raise EdgesRefused(f"{path.name} cannot be read: {error}") from None


def _check_columns(path: Path, names: Sequence[str]) -> None:
    if missing := [name for name in (ID, GEOMETRY) if name not in names]:
        there = ", ".join(map(str, names))[:200] or "none"
        raise EdgesRefused(f"{path.name} has no column {' and no '.join(missing)}. Its columns: {there}")


def _line(path: Path, number: int, shape: Any) -> Floats:
    problem = ""
    if not isinstance(shape, shapely.LineString) or shape.is_empty:
        problem = f"the geometry must be a LineString (given: {getattr(shape, 'geom_type', 'nothing')})"
    else:
        line: Floats = shapely.get_coordinates(shape)
        if np.isfinite(line).all() and np.abs(line[:, 0]).max() <= 180 and np.abs(line[:, 1]).max() <= 85:
            return line
        problem = "positions must be in degrees, longitude first, with latitudes from -85 to 85"
    raise EdgesRefused(f"{path.name}: edge {number}: {problem}")


@contextmanager
def written(path: Path, columns: Sequence[str]) -> Iterator[Writer]:
    """A file of costs, which is there once the block has ended, and not at all where it has not."""
    part = path.with_name(f".{path.name}.part")
    try:
        if is_parquet(path):
            with _ParquetWriter(part, columns) as table:
                yield table
        else:
            opened: Any = gzip.open if path.suffix == ".gz" else open
            with opened(part, "wt", newline="", encoding="utf-8") as file:
                yield _CsvWriter(file, columns)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class _CsvWriter:
    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._columns = columns
        self._rows = csv.writer(file, lineterminator="\n")
        self._rows.writerow([ID, *columns])

    def write(self, ids: Sequence[Any], costs: dict[str, list[Any]]) -> None:
        columns = ([_said(one) for one in costs[name]] for name in self._columns)
        self._rows.writerows(zip(ids, *columns, strict=True))


def _said(value: Any) -> Any:
    """As PostgreSQL and others read CSV: nothing where nothing is known."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


class _ParquetWriter:
    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._arrow, self._parquet = (needed(name, "parquet") for name in ("pyarrow", "pyarrow.parquet"))
        self._path, self._columns = path, columns
        self._open: Any = None

    def __enter__(self) -> "_ParquetWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._open is not None:
            self._open.close()

    def write(self, ids: Sequence[Any], costs: dict[str, list[Any]]) -> None:
        kinds = {name: self._arrow.bool_() if name == "few_data" else self._arrow.float64() for name in self._columns}
        table = self._arrow.table(
            {ID: self._arrow.array(ids), **{name: self._arrow.array(costs[name], kind) for name, kind in kinds.items()}}
        )
        if self._open is None:
            self._open = self._parquet.ParquetWriter(self._path, table.schema, compression="zstd")
        self._open.write_table(table)
