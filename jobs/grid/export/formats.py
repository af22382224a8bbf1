"""The formats of exports, and how one is made."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from sqlalchemy import Connection, Engine

from jobs.grid.export.about import About
from jobs.grid.export.parquet import write_parquet
from jobs.grid.export.pmtiles import write_pmtiles
from jobs.grid.export.source import Parts, Source
from jobs.grid.export.text import write_csv, write_geojson, write_geojsonl
from jobs.grid.query import ExportFormat, ExportQuery


@dataclass(frozen=True)
class Format:
    """A kind of file."""

    name: str
    content_type: str
    write: Callable[[Source], Parts]
    """The bytes of the file as they are made, some MB at a time. Raises ExtraMissing before the first of them."""
    speaks_for_itself: bool = True
    """Whether the file has room for what must be known of it beside its records."""
    counts: str = "cells"
    """What Source.count is of."""
    package: str = "jobs"
    """That writes it."""

    @property
    def is_there(self) -> bool:
        """Whether its package is installed."""
        return find_spec(self.package) is not None


FORMATS: Final[dict[ExportFormat, Format]] = {
    "csv": Format("CSV", "text/csv; charset=utf-8", write_csv, speaks_for_itself=False),
    "geojson": Format("GeoJSON", "application/geo+json", write_geojson),
    "geojsonl": Format("GeoJSON lines", "application/geo+json-seq", write_geojsonl, speaks_for_itself=False),
    "parquet": Format("GeoParquet", "application/vnd.apache.parquet", write_parquet, package="pyarrow"),
    "pmtiles": Format("PMTiles", "application/vnd.pmtiles", write_pmtiles, counts="tiles", package="pmtiles"),
}


def in_one_state(engine: Engine) -> Engine:
    """The engine for exports: all that one reads is of one state of the database, and it changes nothing."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def source(connection: Connection, query: ExportQuery) -> Source:
    """What the query asks for. Raises QueryRefused for an area that there is not."""
    return Source(connection, About.read(connection, query), query)
