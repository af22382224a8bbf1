"""What a force supplied of a month: complete, partial, missing or unknown, and why. Pure: counts in, words out."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from jobs.coverage.gaps import Gap
from jobs.coverage.usual import Usual
from jobs.months import months_between

LANDLESS = "btp"
"""The British Transport Police: its crimes lie on the land of others."""

Status = Literal["complete", "partial", "missing", "unknown"]

# Where a force supplies nothing, its neighbours' and the railway police's crimes make up to 0.8 % of its usual rows.
NONE = 0.02
# The least complete month of the 368 measured has 0.81 of its force's median, the best damaged one 0.37.
FEW, ENOUGH = 0.5, 0.7
# Where the level was measured years ago: forces changed by up to 40 % since.
FEW_LONG_AGO, ENOUGH_LONG_AGO = 0.4, 0.6
# Of the best months of the same land: a December has 0.8 of a summer's month, and two years bring 0.85.
AS_GOOD = 0.6
# The same season and level: further months say little of this one.
WINDOW_MONTHS, MOST_OTHERS = 24, 12
LEAST_OTHERS = 3
# Fewer crimes than this may be chance.
TOO_FEW = 50
# What a force always has ten of and more does not come to be none by chance.
ALWAYS = 10


@dataclass(frozen=True)
class Count:
    """What is held of a force in a month."""

    placed: int
    """Crimes on its land inside of the area; of a force without land, its crimes inside of the area."""
    unplaced: int | None = None
    """Its crimes without a place, of all its land; none where they are not asked for."""
    release: dt.date | None = None
    """The source's release that they are of."""


@dataclass(frozen=True)
class Series:
    """The held months of a force's land, or of the part of it inside of an area."""

    force: str
    is_whole: bool
    """Whether all of the force's land is inside."""
    months: Mapping[dt.date, Count]


@dataclass(frozen=True)
class Verdict:
    """What a force supplied of a month, and by what that is known."""

    status: Status
    reason: str


def judge(series: Series, month: dt.date, gaps: Sequence[Gap], level: Usual | None) -> Verdict:
    """The verdict on a month that is held.

    gaps: the known ones of the force. level: what is usual of the whole force then, where that was measured.
    """
    gap = next((gap for gap in gaps if gap.covers(month, series.months[month].release)), None)
    found = _by_counts(series, month, gaps, level)
    if gap is None:
        return found
    if gap.kind != "partial" and (found.status == "complete" or _is_there(series, month)):
        # Whoever noted the gap did not see the month as it is held.
        reason = (
            f"A gap is known ({gap.reason}), but the month is supplied: {found.reason}. Delete the gap if it has ended"
        )
        return Verdict(found.status, reason)
    held = f"{series.months[month].placed} crimes are ingested in its territory"
    return Verdict("partial" if gap.kind == "partial" else "missing", f"{gap.reason} ({gap.source}). {held}")


def _is_there(series: Series, month: dt.date) -> bool:
    """Crimes of a force without land are nobody else's."""
    return series.force == LANDLESS and series.months[month].placed > 0


def _by_counts(series: Series, month: dt.date, gaps: Sequence[Gap], level: Usual | None) -> Verdict:
    others = _others(series, month, gaps)
    ever = [count.placed for other, count in series.months.items() if other != month]
    own = _by_others(series.months[month].placed, [count.placed for count in others], ever)
    found = own
    if level:
        weigh = _by_level if series.is_whole else _part_by_level
        found = weigh(series.months[month], level, own)
    if found.status == "complete" and (lost := _lost_unplaced(series.months[month], others)):
        return Verdict("partial", lost)
    return found


def _others(series: Series, month: dt.date, gaps: Sequence[Gap]) -> list[Count]:
    """The nearest held months that are in no known gap."""
    near = sorted(
        (abs(months_between(month, other)), other)
        for other, count in series.months.items()
        if other != month and not any(gap.covers(other, count.release) for gap in gaps)
    )
    return [series.months[other] for distance, other in near[:MOST_OTHERS] if distance <= WINDOW_MONTHS]


def _by_level(count: Count, level: Usual, own: Verdict) -> Verdict:
    """By the usual rows of the whole force; the other months speak where those were measured long ago."""
    rows = count.placed + (count.unplaced or 0)
    usual = level.rows - (level.unplaced if count.unplaced is None else 0)
    few, enough = (FEW, ENOUGH) if level.is_near else (FEW_LONG_AGO, ENOUGH_LONG_AGO)
    words = f"{rows} crimes; about {usual:.0f} are usual for this force"
    if rows < NONE * usual:
        return Verdict("missing", words)
    if rows >= enough * usual:
        # A level of long ago is no match for a drop that the months beside it show.
        return own if own.status == "partial" and not level.is_near else Verdict("complete", words)
    if rows >= few * usual:
        return own if own.status in ("complete", "partial") else Verdict("unknown", words)
    if own.status == "complete" and not level.is_near:
        return Verdict("unknown", f"{words}, measured years away; the months around it are alike")
    return Verdict("partial", words)


def _part_by_level(count: Count, level: Usual, own: Verdict) -> Verdict:
    """A part that has most of what is usual of the whole force lacks nothing; of any other, the level says nothing."""
    if own.status != "unknown" or not level.is_near or count.placed < ENOUGH * level.rows:
        return own
    return Verdict(
        "complete", f"{count.placed} crimes in a part of its territory; about {level.rows:.0f} are usual for all of it"
    )


def _best(counts: Sequence[int]) -> int:
    """What a month has at its best; a few odd ones among many are passed over, a few whole ones among damaged not."""
    return sorted(counts)[-1 if len(counts) < 6 else math.floor(0.8 * (len(counts) - 1))] if counts else 0


def _by_others(count: int, others: Sequence[int], ever: Sequence[int]) -> Verdict:
    """By the other held months of the same land, of which most may be damaged. ever: those of any time."""
    if count == 0 and others and min(others) >= TOO_FEW:
        return Verdict("missing", f"No crimes; each month around it has at least {min(others)}")
    if len(others) < LEAST_OTHERS:
        held = ("no other month", "one other month", "two other months")[len(others)]
        return Verdict("unknown", f"{count} crimes; {held} of this land ingested, too few to compare")
    best, middle = _best(others), median(others)
    words = f"{count} crimes; months around it: median {middle:.0f}, highest {best}"
    # A force that stopped years ago has none but empty months beside it.
    former = sorted(ever)[-min(len(ever), 3)]
    if max(_highest(count), best) < FEW_LONG_AGO * former:
        words += f"; other years had {former}"
        return Verdict("missing" if _highest(count) < NONE * former else "unknown", words)
    return _by_best(count, best, middle, words)


def _by_best(count: int, best: int, middle: float, words: str) -> Verdict:
    if best < TOO_FEW:
        return Verdict("unknown", f"{words}: too few crimes to tell")
    if _highest(count) < NONE * middle:
        return Verdict("missing", words)
    if _highest(count, 0.5) >= AS_GOOD * best:
        # Twice the middle: either this month is odd or most others are damaged.
        is_alike = count <= 2 * _highest(middle, 1)
        return Verdict("complete" if is_alike else "unknown", words)
    return Verdict("partial" if _highest(count) < FEW * middle else "unknown", words)


def _highest(count: float, deviations: float = 1.5) -> float:
    """What a count may have been but for chance. Anscombe: the root of a Poisson count deviates by 0.5."""
    return (math.sqrt(count + 0.375) + deviations) ** 2


def _lost_unplaced(count: Count, others: Sequence[Count]) -> str:
    """What there is to say where a force always has crimes without a place and has none now, else ""."""
    known = [other.unplaced for other in others if other.unplaced is not None]
    if count.unplaced == 0 and len(known) >= LEAST_OTHERS and min(known) >= ALWAYS:
        return f"No crimes without a place; each month around it has at least {min(known)}"
    return ""
