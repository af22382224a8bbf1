"""What must be known of a file that has no room for it, as a file beside it.

Of CSV as the W3C's standard has it, so that its tools find licence and types: https://www.w3.org/TR/tabular-metadata/
"""

import json
from typing import Any, Final

from jobs.grid.export.about import About
from jobs.grid.export.text import CSV_COLUMNS
from jobs.grid.query import ExportFormat

_TYPES: Final[dict[str, Any]] = {
    "h3_resolution": "integer",
    "month": {"base": "date", "format": "yyyy-MM-dd"},
    "crime_count_total": "integer",
    "crime_count_weighted": "double",
    "stats": "json",
    "latitude": "double",
    "longitude": "double",
}


def sidecar(about: About, form: ExportFormat, name: str) -> bytes:
    """The text of the file beside the one of that name."""
    said = about.said()
    document = _csvw(said, name) if form == "csv" else said
    return json.dumps(document, indent=2).encode() + b"\n"


def _csvw(said: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "@context": "http://www.w3.org/ns/csvw",
        "url": name,
        "dc:license": {"@id": said["licence"]},
        "dc:rights": said["attribution"],
        "notes": [said],
        "tableSchema": {
            "columns": [{"name": column, "datatype": _TYPES.get(column, "string")} for column in CSV_COLUMNS],
            "primaryKey": "cell_id",
        },
    }
