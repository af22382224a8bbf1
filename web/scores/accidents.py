"""What an accident adds to a risk, its factors in plain words."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from jobs.scores.explained import Contribution
from jobs.scores.model import SIMILARITY_WHEN_MISSING, season
from web.html import formats

# From this factor on, these words; the last ones stand for everything below.
_HEIGHT = ((1.1, "about as high"), (1.005, "higher or lower"), (0.0, "height unlike or unknown"))
_KIND = ((1.0, "the same kind"), (0.7, "a kind much like it"), (0.5, "half alike or unknown"), (0.0, "another kind"))
_GRADE = ((0.95, "as hard, or unknown"), (0.6, "about as hard"), (0.0, "much easier or harder"))
_WEATHER = ((0.85, "much alike"), (0.65, "alike"), (0.4, "somewhat alike"), (0.0, "unlike"))


@dataclass(frozen=True)
class ContributingAccident:
    """One accident. factors: {factor: (words, value)}; their product times 7 is what it adds."""

    accident_id: int
    source: str
    date: dt.date
    adds: float
    factors: Mapping[str, tuple[str, float]]


def from_contribution(contribution: Contribution, planned: dt.date) -> ContributingAccident:
    """A contribution to the risk of that day."""
    happened = dt.date.fromisoformat(contribution.date)
    factors = contribution.factors
    severity = contribution.injury_severity or "unknown"
    words = {
        "distance": f"{contribution.distance_km:,.1f} km away",
        "age": f"{_age(happened, planned)}, {_season(happened, planned)}",
        "elevation": _words(_HEIGHT, factors.elevation),
        "kind": _words(_KIND, factors.kind),
        "severity": "severity unknown" if severity == "unknown" else severity,
        "grade": _words(_GRADE, factors.grade),
        "weather": _weather(contribution.similarity),
    }
    values = factors.model_dump()
    return ContributingAccident(
        contribution.accident_id,
        contribution.source,
        happened,
        contribution.contribution,
        {name: (said, values[name]) for name, said in words.items()},
    )


def _words(scale: tuple[tuple[float, str], ...], factor: float) -> str:
    return next(words for least, words in scale if factor >= least)


def _age(happened: dt.date, planned: dt.date) -> str:
    days = (planned - happened).days
    # In days, then months of 30.4 days, then years: the longer ago, the less a day matters.
    if days < 60:
        return f"{formats.counted(days, 'day')} before" if days > 0 else "not before"
    return f"{round(days / 30.4)} months before" if days < 730 else f"{days // 365} years before"


def _season(happened: dt.date, planned: dt.date) -> str:
    one, other = season(np.array([happened, planned], dtype="datetime64[D]"))
    return "same season" if one == other else "another season"


def _weather(similarity: float) -> str:
    if similarity == SIMILARITY_WHEN_MISSING:
        return "weather not known"
    return f"{_words(_WEATHER, similarity)} ({similarity:.2f})"
