"""Exports as text: CSV, and GeoJSON as one collection or a feature a line.

What is the same for all months of a cell is made once a batch.
"""

import json
from collections.abc import Iterator
from typing import Final

import h3.api.basic_str as h3

from jobs.grid.export.source import AS_TEXT, COLUMNS, H3, MONTH, Batch, Parts, Source
from jobs.grid.geojson import ring

CSV_COLUMNS: Final = (*COLUMNS, "latitude", "longitude", "not_supplied")
# PostgreSQL puts lines together quicker. Of these columns only the JSON has commas or quotes in it.
_LINE: Final = (
    "concat_ws(',', cell_id, h3_index, h3_resolution, month, crime_count_total, crime_count_weighted, "
    """'"' || replace(stats::text, '"', '""') || '"')"""
)


def write_csv(source: Source) -> Parts:
    """CSV with a header; the centre of the cell in degrees, the counts by category as JSON."""
    said = source.about.not_supplied()
    yield (",".join(CSV_COLUMNS) + "\n").encode()
    for batch in source.batches(_LINE):
        centres = {cell: _centre(cell) for cell in _cells(batch)}
        yield "".join([f"{line},{centres[line[H3]]},{said[line[MONTH]]}\n" for (line,) in batch]).encode()


def _centre(cell: str) -> str:
    lat, lng = h3.cell_to_latlng(cell)
    return f"{lat:.6f},{lng:.6f}"


def write_geojsonl(source: Source) -> Parts:
    """A Feature a line."""
    for features in _features(source):
        yield "".join([f"{feature}\n" for feature in features]).encode()


def write_geojson(source: Source) -> Parts:
    """A FeatureCollection (RFC 7946)."""
    head = json.dumps({"type": "FeatureCollection", **source.about.said()})
    yield f'{head[:-1]}, "features": ['.encode()
    between = "\n"
    for features in _features(source):
        yield (between + ",\n".join(features)).encode()
        between = ",\n"
    yield b"\n]}\n"


def _features(source: Source) -> Iterator[list[str]]:
    months = {
        name: (f'"month":"{name[:4]}-{name[4:]}-01"', f'"not_supplied":{json.dumps(said)}')
        for name, said in source.about.not_supplied().items()
    }
    for batch in source.batches(AS_TEXT):
        cells = {cell: _drawn(cell) for cell in _cells(batch)}
        features = []
        for name, crimes, weighted, stats in batch:
            month, said = months[name[MONTH]]
            features.append(
                f'{{"type":"Feature","id":"{name}",{cells[name[H3]]},{month},"crime_count_total":{crimes},'
                f'"crime_count_weighted":{weighted},"stats":{stats},{said}}}}}'
            )
        yield features


def _drawn(cell: str) -> str:
    """What is the same in all months of a cell: its geometry and the first of its properties, as parts of a Feature."""
    return (
        f'"geometry":{{"type":"Polygon","coordinates":[{ring(h3.cell_to_boundary(cell))}]}},'
        f'"properties":{{"h3_index":"{cell}","h3_resolution":{h3.get_resolution(cell)}'
    )


def _cells(batch: Batch) -> list[str]:
    """Each cell of the batch once."""
    return list(dict.fromkeys([row[0][H3] for row in batch]))
