"""A style of MapLibre for the grid's tiles: https://maplibre.org/maplibre-style-spec/"""

from typing import Any, Final

from jobs.grid.tiles import LAYER

# Weighted crimes a km2 and month, and the colours between: viridis, which is told apart without colours too.
_CLASSES: Final = (1.0, 3.0, 10.0, 30.0, 100.0)
_COLOURS: Final = ("#fde725", "#7ad151", "#22a884", "#2a788e", "#414487", "#440154")
_MEASURE: Final = "density_per_km2"


def of(tilejson: str, months: int) -> dict[str, Any]:
    """Of the tiles that this TileJSON names, which add up so many months. A month that is not held adds nothing."""
    steps = [part for least, colour in zip(_CLASSES, _COLOURS[1:], strict=True) for part in (least * months, colour)]
    cells = {"source": "safegrid", "source-layer": LAYER}
    return {
        "version": 8,
        "name": "Safegrid",
        "metadata": {"safegrid:months": months, "safegrid:unit": "weighted crimes a km2"},
        "sources": {"safegrid": {"type": "vector", "url": tilejson}},
        "layers": [
            {
                "id": "safegrid-cells",
                "type": "fill",
                **cells,
                "paint": {
                    "fill-color": ["step", ["get", _MEASURE], _COLOURS[0], *steps],
                    # Few crimes say little, and a cell beyond the border of what is held less.
                    "fill-opacity": ["*", ["case", ["get", "few_data"], 0.35, 0.7], ["get", "covered"]],
                },
            },
            {
                "id": "safegrid-edges",
                "type": "line",
                **cells,
                "minzoom": 9,
                "paint": {"line-color": "#222222", "line-opacity": 0.35, "line-width": 0.6},
            },
        ],
    }
