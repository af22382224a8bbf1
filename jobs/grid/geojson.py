"""Cells as GeoJSON (RFC 7946)."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from jobs.grid.cells import Cells
from jobs.grid.intervals import MOST, garwood

ATTRIBUTION: Final = "Contains public sector information licensed under the Open Government Licence v3.0."
LICENCE_URL: Final = "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"
LICENCE_LINK: Final = f'<{LICENCE_URL}>; rel="license"'
"""As an HTTP header has it."""
APPROXIMATE: Final = "The source moves each crime to an anonymous point nearby, so positions are approximate."
ABOUT: Final = {"attribution": ATTRIBUTION, "license": LICENCE_URL, "positions": APPROXIMATE}
"""What every answer says."""
# A tenth of a metre.
_DECIMALS: Final = 6


def collection(
    names: Iterable[str], outlines: npt.NDArray[np.object_], properties: Iterable[str], about: Mapping[str, Any]
) -> bytes:
    """A FeatureCollection of cells, whose properties are JSON; `about`: its further members, such as the period."""
    head = json.dumps({"type": "FeatureCollection", **ABOUT, **about})
    return f'{head[:-1]}, "features": [{", ".join(_features(names, outlines, properties))}]}}'.encode()


def _features(names: Iterable[str], outlines: npt.NDArray[np.object_], properties: Iterable[str]) -> Iterator[str]:
    for name, ring, said in zip(names, rings(outlines), properties, strict=True):
        yield (
            f'{{"type":"Feature","id":"{name}","geometry":{{"type":"Polygon","coordinates":[{ring}]}},'
            f'"properties":{said}}}'
        )


def properties(cells: Cells) -> Iterator[str]:
    """What is known of each cell, as JSON."""
    # Put together by hand: json takes twice as long for what may be 20,000 cells.
    for name, count, asb, weighted, density, smoothed, covered, few in cells.said():
        interval = json.dumps([round(end, 6) for end in garwood(count)]) if count <= MOST else "null"
        yield (
            f'{{"h3":"{name}","crimes":{count},"asb":{asb},"weighted":{weighted},"density_per_km2":{density},'
            f'"smoothed_per_km2":{smoothed},"covered":{covered},"few_data":{"true" if few else "false"},'
            f'"interval_95":{interval}}}'
        )


def rings(outlines: npt.NDArray[np.object_]) -> Iterator[str]:
    """Polygons in degrees, shape (n,), each as the JSON of its ring: longitude first, counterclockwise."""
    corners, which = shapely.get_coordinates(outlines, return_index=True)
    # By column: a list for each corner would take longer than its text.
    lngs, lats = corners.round(_DECIMALS).T.tolist()
    texts = [f"[{lng},{lat}]" for lng, lat in zip(lngs, lats, strict=True)]
    ends = np.searchsorted(which, np.arange(len(outlines)), side="right").tolist()
    for begin, end in itertools.pairwise([0, *ends]):
        yield f"[{','.join(texts[begin:end])}]"


def ring(boundary: Sequence[tuple[float, float]]) -> str:
    """The JSON of one ring, of which H3 has the corners: latitude first, counterclockwise, the first not repeated.

    For cells that need no polygon, it takes half the time.
    """
    return f"[{','.join([f'[{lng:.6f},{lat:.6f}]' for lat, lng in (*boundary, boundary[0])])}]"
