"""How many rows a month of a force usually has, where it was measured."""

import datetime as dt
import functools
from dataclasses import dataclass

from jobs.months import months_between

# Medians of the street files of 2018-10 to 2019-02 and of 2024-01 to 2024-04, rounded: rows, and those without a place,
# in either era; then the cells of resolution 6 that have crimes. Not of damaged months: of Dyfed-Powys 2024 what is
# known to be usual.
# Source: police.uk street-level crime, Open Government Licence v3.0.
MEASURED = """
avon-and-somerset 13600 1600 14800 780 132
bedfordshire 5800 0 5100 210 35
btp 5100 0 6200 0 0
cambridgeshire 6500 210 6700 230 92
cheshire 8400 0 6300 0 65
city-of-london 760 52 790 72 1
cleveland 7700 0 7200 0 22
cumbria 3700 13 3300 0 85
derbyshire 8000 0 8900 0 67
devon-and-cornwall 11000 430 11500 640 233
dorset 5800 220 4900 14 62
durham 6400 0 5900 0 50
dyfed-powys 3200 28 3200 30 72
essex 16600 79 13000 340 119
gloucestershire 4100 260 5000 180 73
gwent 4700 11 5800 95 41
hampshire 12800 0 13500 0 123
hertfordshire 9200 63 8100 150 54
humberside 8600 0 8100 0 89
kent 16300 260 15100 150 139
lancashire 15400 1100 14600 460 82
leicestershire 8500 280 8600 250 70
lincolnshire 5700 0 5500 0 133
merseyside 12800 0 12300 0 29
norfolk 6200 170 5400 96 138
north-wales 5700 0 5200 0 116
north-yorkshire 5400 44 5000 32 121
northamptonshire 6400 0 5800 0 66
northern-ireland 11800 69 - - 359
northumbria 16300 0 14200 0 73
nottinghamshire 10900 110 9600 86 56
south-wales 11300 200 11000 240 64
south-yorkshire 14700 510 14600 680 50
staffordshire 9700 1200 8200 30 87
suffolk 5000 46 4100 20 106
surrey 7900 98 7100 91 56
sussex 11400 0 12900 380 117
thames-valley 15000 1500 15900 340 162
warwickshire 4500 15 3900 54 59
west-mercia 10100 25 8100 150 160
wiltshire 4800 0 3900 0 88
"""
_ERAS = ((dt.date(2018, 10, 1), dt.date(2019, 2, 1)), (dt.date(2024, 1, 1), dt.date(2024, 4, 1)))
NEAR_MONTHS = 12
"""As long a force's level stays much what it was; in six years it changes by up to 40 %."""


@dataclass(frozen=True)
class Usual:
    """What is usual of a force in a month: its rows, and those of them without a place."""

    rows: float
    unplaced: float
    is_near: bool
    """Whether it was measured about then; if not, the level may have changed by much."""


@functools.cache
def _table() -> dict[str, tuple[str, ...]]:
    return {line.split()[0]: tuple(line.split()[1:]) for line in MEASURED.strip().splitlines()}


def _pair(rows: str, unplaced: str) -> tuple[float, float] | None:
    return None if rows == "-" else (float(rows), float(unplaced))


def usual(force: str, month: dt.date) -> Usual | None:
    """What is usual of the force in that month, by the eras in which it was measured; between them, on the way from
    one to the other. None for a force that was not measured.
    """
    numbers = _table().get(force)
    if numbers is None:
        return None
    levels = _pair(*numbers[:2]), _pair(*numbers[2:4])
    known = [(_distance(era, month), level) for era, level in zip(_ERAS, levels, strict=True) if level]
    known.sort(key=lambda one: one[0])
    (nearest, level), (farthest, other) = known[0], known[-1]
    is_between = len(known) == 2 and _ERAS[0][1] < month < _ERAS[1][0]
    weight = farthest / (nearest + farthest) if is_between else 1.0
    rows, unplaced = (weight * one + (1 - weight) * two for one, two in zip(level, other, strict=True))
    return Usual(rows, unplaced, nearest <= NEAR_MONTHS)


def cells(force: str) -> int | None:
    """How many cells of resolution 6 have five crimes and more, most of them of this force; none: not measured."""
    numbers = _table().get(force)
    return int(numbers[4]) if numbers else None


def _distance(era: tuple[dt.date, dt.date], month: dt.date) -> int:
    """Months from the era to the month, 0 within it."""
    return max(0, months_between(month, era[0]), months_between(era[1], month))
