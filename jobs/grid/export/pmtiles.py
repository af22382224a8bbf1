"""Exports as one file of tiles for maps without a server: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md

The tiles are those of the grid's API. Their directory stands before them, so nothing is sent before all are made.
"""

import contextlib
import gzip
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import h3.api.basic_int as h3
import numpy as np

from jobs.grid import cells, ground, tiles, weights
from jobs.grid.cells import MOST_CELLS, Cells, Floats, Sums
from jobs.grid.export.extras import needed
from jobs.grid.export.source import Parts, Source
from jobs.grid.ground import Ground
from jobs.grid.mvt import EXTENT
from jobs.grid.query import SHALLOWEST_EXPORT, TileQuery, resolution_of
from jobs.grid.tiles import LAYER, Tile

_CHUNK: Final = 1 << 20
# Tiles whose cells are looked for at once are those of an ancestor so many zooms up.
_UP: Final = 2
_GZIP_LEVEL: Final = 6
# Of the whole world at the equator.
_ROUND_KM: Final = 40_075.0
# How far a corner may be from a cell's centre, in average edges: cells differ by less than half of that.
_EDGES: Final = 1.5


def write_pmtiles(source: Source) -> Parts:
    """Tiles with the layer `cells`, from zoom 4 on; only those that have cells. Raises ExtraMissing."""
    writer, kinds = needed("pmtiles.writer", "pmtiles"), needed("pmtiles.tile", "pmtiles")
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as after:
        archive = writer.Writer(file)
        after.callback(archive.tile_f.close)
        bounds = _write(archive, kinds.zxy_to_tileid, source)
        if not source.count:
            # There is no archive without any tile.
            archive.write_tile(kinds.zxy_to_tileid(SHALLOWEST_EXPORT, 0, 0), gzip.compress(b"", mtime=0))
        stored = {"tile_type": kinds.TileType.MVT, "tile_compression": kinds.Compression.GZIP}
        archive.finalize({**stored, **bounds}, _metadata(source))
        file.seek(0)
        while part := file.read(_CHUNK):
            yield part


def _write(archive: Any, id_of: Any, source: Source) -> dict[str, int]:
    """Write the tiles, zoom by zoom. Returns the header's bounds."""
    held = source.about.period.months
    if not held:
        return {}
    land = ground.of_month(source.connection, held[-1])
    finest = _Grid.read(source)
    for zoom in range(SHALLOWEST_EXPORT, source.query.max_zoom + 1):
        grid = finest.at_resolution(_resolution(source, zoom))
        members = sorted(grid.tiles(zoom), key=lambda tile: int(id_of(tile.z, tile.x, tile.y)))
        for tile, body in grid.encoded(members, land):
            archive.write_tile(id_of(tile.z, tile.x, tile.y), gzip.compress(body, _GZIP_LEVEL, mtime=0))
            source.count += 1
    return finest.bounds


def _resolution(source: Source, zoom: int) -> int:
    """As the API chooses it."""
    return resolution_of(TileQuery(), min(source.about.period.resolutions), Tile(zoom, 0, 0).resolution)


def _metadata(source: Source) -> dict[str, Any]:
    kinds = {"h3": "String", "few_data": "Boolean"}
    layer = {
        "id": LAYER,
        "fields": {name: kinds.get(name, "Number") for name in cells.PROPERTIES},
        "minzoom": SHALLOWEST_EXPORT,
        "maxzoom": source.query.max_zoom,
    }
    about = source.about.said()
    described = f"Crimes by H3 cell, {about['from']} to {about['to']}"
    return {"name": "Safegrid", "description": described, "type": "overlay", "vector_layers": [layer], **about}


@dataclass(frozen=True)
class _Grid:
    """All cells of one resolution, and where they are."""

    sums: Sums
    centres: Floats
    """Parts of the world's width, from the north-western corner of the map: x and y, shape (n, 2)."""
    radii: Floats
    """No corner of a cell is farther from its centre. Parts of the world's width, shape (n,)."""
    degrees: Floats
    """The centres as longitude and latitude, shape (n, 2)."""

    @classmethod
    def read(cls, source: Source) -> Self:
        period, connection = source.about.period, source.connection
        resolution = _resolution(source, source.query.max_zoom)
        default = next(scheme.name for scheme in weights.schemes(connection) if scheme.is_default)
        return cls.of(cells.read_whole(connection, default, period, resolution, source.about.area))

    @classmethod
    def of(cls, sums: Sums) -> Self:
        degrees = np.array([h3.cell_to_latlng(cell) for cell in sums.ids.tolist()]).reshape(-1, 2)[:, ::-1]
        edge = h3.average_hexagon_edge_length(h3.get_resolution(int(sums.ids[0]))) if len(sums.ids) else 0
        radii = _EDGES * edge / (_ROUND_KM * np.cos(np.radians(degrees[:, 1])))
        return cls(sums, Tile(0, 0, 0).project(degrees) / EXTENT, radii, degrees)

    def at_resolution(self, resolution: int) -> "_Grid":
        return _Grid.of(self.sums.parents(resolution))

    @property
    def bounds(self) -> dict[str, int]:
        """As the header of an archive has them, in ten millionths of a degree."""
        if not len(self.degrees):
            return {}
        (west, south), (east, north) = self.degrees.min(axis=0), self.degrees.max(axis=0)
        sides = {"min_lon_e7": west, "min_lat_e7": south, "max_lon_e7": east, "max_lat_e7": north}
        return {name: round(side * 10_000_000) for name, side in sides.items()}

    def tiles(self, zoom: int) -> list[Tile]:
        """Those that cells may reach into."""
        wide = 2**zoom
        low, high = (np.floor((self.centres + reach) * wide) for reach in (-self.radii[:, None], self.radii[:, None]))
        steps = range(int((high - low).max(initial=0)) + 1)
        corners = [np.minimum(low + step, high) for step in itertools.product(steps, repeat=2)]
        found = np.unique(np.concatenate(corners).clip(0, wide - 1).astype(np.int64), axis=0)
        return [Tile(zoom, x, y) for x, y in found.tolist()]

    def encoded(self, members: Sequence[Tile], land: Ground, up: int = _UP) -> Iterator[tuple[Tile, bytes]]:
        """Each of the tiles, in their order, that has cells."""
        for block, part in itertools.groupby(members, lambda tile: _ancestor(tile, up)):
            near = self._near(block)
            if len(near) > MOST_CELLS and up:
                yield from self.encoded(list(part), land, up - 1)
                continue
            shown = Cells.shown(self.sums.at(near), block.region, land)
            for tile in part:
                if body := tiles.encode(tile, shown.at(tile.region.touches(shown.outlines))):
                    yield tile, body

    def _near(self, block: Tile) -> Any:
        """Places of the cells that touch the block, and of their neighbours."""
        wide = 2**block.z
        margin = 4 * self.radii[:, None]
        low, high = (np.array([block.x + end, block.y + end]) / wide for end in (0, 1))
        is_near = ((self.centres > low - margin) & (self.centres < high + margin)).all(axis=1)
        return np.flatnonzero(is_near)


def _ancestor(tile: Tile, up: int) -> Tile:
    return Tile(tile.z - up, tile.x >> up, tile.y >> up)
