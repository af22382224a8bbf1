"""Exports as GeoParquet 1.1: https://geoparquet.org/releases/v1.1.0/"""

import datetime as dt
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import h3.api.basic_int as h3
import numpy as np

from jobs.grid.export.extras import needed
from jobs.grid.export.source import COLUMNS, H3, MONTH, Batch, Parts, Source

# A row group: what readers skip or read at once.
_GROUP: Final = 20_000
_GEO: Final = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Polygon"], "orientation": "counterclockwise"}},
}


class _Sink:
    """A file that hands on what was written to it."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        self.closed = True


def write_parquet(source: Source) -> Parts:
    """Hexagons as WKB in WGS 84, longitude first. Raises ExtraMissing."""
    pa, parquet = (needed(name, "parquet") for name in ("pyarrow", "pyarrow.parquet"))
    schema, sink = _schema(pa, source), _Sink()
    said = source.about.not_supplied()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in source.batches(size=_GROUP):
            writer.write_table(_table(pa, schema, batch, said))
            yield sink.taken()
    yield sink.taken()


def _schema(pa: Any, source: Source) -> Any:
    kinds = (
        pa.string(),
        pa.string(),
        pa.int16(),
        pa.date32(),
        pa.int32(),
        pa.float64(),
        pa.map_(pa.string(), pa.int32()),
    )
    about = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in source.about.said().items()
    }
    columns = [*zip(COLUMNS, kinds, strict=True), ("not_supplied", pa.string()), ("geometry", pa.binary())]
    return pa.schema(columns, metadata={"geo": json.dumps(_GEO), **about})


def _table(pa: Any, schema: Any, batch: Batch, said: Mapping[str, str]) -> Any:
    # By column: zip would make an iterator for each of the rows.
    compute = needed("pyarrow.compute", "parquet")
    names, crimes, weighted, stats = ([row[place] for row in batch] for place in range(4))
    cell_ids = pa.array(names, pa.string())
    # What is made of a cell or of a month is made once, and taken for each of its records.
    cells, months = (
        compute.utf8_slice_codeunits(cell_ids, part.start, part.stop).dictionary_encode() for part in (H3, MONTH)
    )
    numbers = [int(cell, 16) for cell in cells.dictionary.to_pylist()]
    firsts = [dt.date(int(month[:4]), int(month[4:]), 1) for month in months.dictionary.to_pylist()]
    forces = [said[month] for month in months.dictionary.to_pylist()]
    columns = [
        cell_ids,
        cells.dictionary.take(cells.indices),
        pa.array([h3.get_resolution(cell) for cell in numbers], pa.int16()).take(cells.indices),
        pa.array(firsts, pa.date32()).take(months.indices),
        crimes,
        weighted,
        _counts(pa, stats),
        pa.array(forces, pa.string()).take(months.indices),
        pa.array([_hexagon(cell) for cell in numbers], pa.binary()).take(cells.indices),
    ]
    return pa.table(columns, schema=schema)


def _hexagon(cell: int) -> bytes:
    """Well-known binary of a polygon of one ring, by the little end. By way of shapely it takes twice as long."""
    corners = h3.cell_to_boundary(cell)
    ring = [side for lat, lng in (*corners, corners[0]) for side in (lng, lat)]
    return struct.pack(f"<BIII{len(ring)}d", 1, 3, 1, len(ring) // 2, *ring)


def _counts(pa: Any, stats: Sequence[str]) -> Any:
    """A map array of JSON objects, whose keys are slugs."""
    # As one flat list: a dictionary for each record would take longer than all else.
    flat = json.loads(f"[{', '.join([counts[1:-1] for counts in stats])}]".replace('": ', '", '))
    ends = np.cumsum([0, *[counts.count(":") for counts in stats]], dtype=np.int32)
    return pa.MapArray.from_arrays(ends, pa.array(flat[::2], pa.string()), pa.array(flat[1::2], pa.int32()))
