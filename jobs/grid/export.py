"""The grid as a file: one record a cell and month, read as it is written."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from importlib import import_module
from io import TextIOWrapper
from typing import IO, Any, Final

import h3
import shapely
from sqlalchemy import Connection, text

from jobs.coverage import reading
from jobs.coverage.reading import NotSupplied
from jobs.errors import SafegridError
from jobs.grid import period
from jobs.grid.geojson import ATTRIBUTION, rings
from jobs.grid.region import Region, outlines

COLUMNS: Final = (
    "cell_id",
    "h3_index",
    "h3_resolution",
    "month",
    "crime_count_total",
    "crime_count_weighted",
    "stats",
)
# Records in memory at a time.
_BATCH: Final = 10_000
_SELECT = text(
    f"SELECT {', '.join(COLUMNS)} FROM safety_cells "  # noqa: S608 - constants
    "WHERE month BETWEEN coalesce(:first, month) AND coalesce(:last, month) ORDER BY month, h3_index"
)


class ExtraMissing(SafegridError):
    """A format needs a package that is not installed."""


class Batch:
    """Some records with their hexagons."""

    def __init__(self, rows: Sequence[Any], region: Region | None) -> None:
        shapes = outlines([h3.str_to_int(row.h3_index) for row in rows])
        keep = region.touches(shapes) if region else [True] * len(rows)
        self.rows = [row for row, is_in in zip(rows, keep, strict=True) if is_in]
        self.outlines = shapes[list(keep)]

    def __len__(self) -> int:
        return len(self.rows)


def batches(
    connection: Connection, first: date | None = None, last: date | None = None, region: Region | None = None
) -> Iterator[Batch]:
    """The cells of the months from `first` to `last` that touch `region`, oldest month first."""
    # A cursor of the server: neither side holds more than a batch.
    streaming = {"stream_results": True, "max_row_buffer": _BATCH}
    found = connection.execute(_SELECT, {"first": first, "last": last}, execution_options=streaming)
    for rows in found.partitions(_BATCH):
        batch = Batch(rows, region)
        if len(batch):
            yield batch


def not_supplied(
    connection: Connection, first: date | None = None, last: date | None = None, area: str | None = None
) -> list[NotSupplied]:
    """What forces did not supply of these months, or not whole: cells that are not in the file."""
    held = [one.month for one in period.held_months(connection)]
    chosen = [month for month in held if (first or month) <= month <= (last or month)]
    return reading.lacking(connection, chosen, area)


def write_geojson(parts: Iterator[Batch], file: IO[bytes], lacking: Sequence[NotSupplied] = ()) -> int:
    """A FeatureCollection (RFC 7946). Returns the number of records, as all writers here."""
    about = {"type": "FeatureCollection", "attribution": ATTRIBUTION, "coverage": list(lacking)}
    file.write(json.dumps(about)[:-1].encode())
    file.write(b', "features": [')
    count = 0
    for batch in parts:
        for row, ring in zip(batch.rows, rings(batch.outlines), strict=True):
            properties = json.dumps({name: _plain(getattr(row, name)) for name in COLUMNS[1:]})
            geometry = f'{{"type": "Polygon", "coordinates": [{ring}]}}'
            feature = (
                f'{{"type": "Feature", "id": "{row.cell_id}", "geometry": {geometry}, "properties": {properties}}}'
            )
            file.write((",\n" if count else "\n").encode() + feature.encode())
            count += 1
    file.write(b"\n]}\n")
    return count


def write_csv(parts: Iterator[Batch], file: IO[bytes], _lacking: Sequence[NotSupplied] = ()) -> int:
    """CSV with a header; the centre of the cell in degrees, the counts by category as JSON. It has no room for more."""
    lines = TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(lines)
    writer.writerow((*COLUMNS, "latitude", "longitude"))
    count = 0
    for batch in parts:
        for row in batch.rows:
            centre = (round(degrees, 6) for degrees in h3.cell_to_latlng(row.h3_index))
            writer.writerow((*row[:-1], json.dumps(row.stats), *centre))
        count += len(batch)
    lines.detach()
    return count


def write_parquet(parts: Iterator[Batch], file: IO[bytes], lacking: Sequence[NotSupplied] = ()) -> int:
    """GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0/): hexagons as WKB in WGS 84. Raises ExtraMissing."""
    try:
        pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise ExtraMissing("Parquet needs pyarrow: install the extra with `pip install safegrid[parquet]`") from None
    column = {"encoding": "WKB", "geometry_types": ["Polygon"], "orientation": "counterclockwise"}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    kinds = (
        pa.string(),
        pa.string(),
        pa.int16(),
        pa.date32(),
        pa.int32(),
        pa.float64(),
        pa.map_(pa.string(), pa.int32()),
    )
    schema = pa.schema(
        [*zip(COLUMNS, kinds, strict=True), ("geometry", pa.binary())],
        metadata={"geo": json.dumps(geo), "attribution": ATTRIBUTION, "coverage": json.dumps(list(lacking))},
    )
    count = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in parts:
            columns: list[Any] = [list(column) for column in zip(*batch.rows, strict=True)]
            columns[-1] = [list(stats.items()) for stats in columns[-1]]
            columns.append(list(shapely.to_wkb(batch.outlines)))
            arrays = [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(batch)
    return count


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


WRITERS: Final[dict[str, Callable[[Iterator[Batch], IO[bytes], Sequence[NotSupplied]], int]]] = {
    "geojson": write_geojson,
    "csv": write_csv,
    "parquet": write_parquet,
}
