"""All the land that the source has crimes of: England and Wales, and Northern Ireland."""

from typing import Final

from shapely.geometry import MultiPolygon, Polygon

from jobs.boundaries.area import Area, from_land

COUNTRY: Final = "country"
_NAME: Final = "England, Wales and Northern Ireland"

# Longitude and latitude, a few kilometres out at sea. On the borders with Scotland and Ireland a little of their land
# lies inside, which has no crimes of this source.
_ENGLAND_AND_WALES: Final = (
    (-6.7, 49.7), (-5.0, 49.8), (-3.5, 50.05), (-1.2, 50.4), (0.3, 50.6), (1.5, 51.0), (1.9, 52.3), (1.9, 52.9),
    (0.9, 53.2), (0.4, 53.9), (-0.3, 54.7), (-1.1, 55.0), (-1.4, 55.8), (-2.05, 55.86), (-2.35, 55.65), (-2.4, 55.5),
    (-2.7, 55.35), (-3.05, 55.1), (-3.7, 54.9), (-3.75, 54.3), (-3.3, 53.9), (-4.9, 53.5), (-5.0, 52.9), (-4.5, 52.4),
    (-5.6, 52.0), (-5.6, 51.5), (-4.8, 51.1), (-5.3, 50.6), (-6.7, 50.2),
)  # fmt: skip
_NORTHERN_IRELAND: Final = (
    (-5.3, 54.3), (-5.9, 53.95), (-6.4, 54.0), (-6.8, 54.05), (-7.6, 54.05), (-8.3, 54.35), (-8.3, 54.6),
    (-7.95, 54.75), (-7.6, 55.1), (-7.2, 55.35), (-6.1, 55.4), (-5.3, 54.9),
)  # fmt: skip
FORCES: Final = """
    avon-and-somerset bedfordshire btp cambridgeshire cheshire city-of-london cleveland cumbria derbyshire
    devon-and-cornwall dorset durham dyfed-powys essex gloucestershire greater-manchester gwent hampshire
    hertfordshire humberside kent lancashire leicestershire lincolnshire merseyside metropolitan norfolk north-wales
    north-yorkshire northamptonshire northern-ireland northumbria nottinghamshire south-wales south-yorkshire
    staffordshire suffolk surrey sussex thames-valley warwickshire west-mercia west-midlands west-yorkshire wiltshire
"""


def country() -> Area:
    """The whole country as an area like any other, with all forces."""
    return from_land(
        COUNTRY, _NAME, MultiPolygon([Polygon(_ENGLAND_AND_WALES), Polygon(_NORTHERN_IRELAND)]), FORCES.split()
    )
