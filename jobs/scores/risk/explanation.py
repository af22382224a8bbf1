"""Why a route has its risk on a day: the accidents that add most to it, with every factor."""

from dataclasses import dataclass

import numpy as np

from jobs.scores.model import HIGHEST_RISK, RISK_A_UNIT, Floats, colour
from jobs.scores.risk import factors
from jobs.scores.risk.outlook import Outlook
from jobs.scores.risk.similarity import extreme_factor, similarity, weather_factor
from jobs.scores.weather.climatology import FACTORS


@dataclass(frozen=True, slots=True)
class Contribution:
    """One accident's part in a risk. accident: its index; contribution: points, 7 * S*T*E*R*V*G * W'."""

    accident: int
    distance_km: float
    distance: float
    age: float
    elevation: float
    kind: float
    severity: float
    grade: float
    similarity: float
    weather: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A risk and its largest contributions, largest first.

    uncapped: the sum before it is capped at 100. contributing: how many accidents add anything at all.
    extreme: the factor of the planned weather that every similarity contains.
    """

    risk: float
    colour: str
    uncapped: float
    extreme: float
    contributing: int
    largest: tuple[Contribution, ...]


def explain(outlook: Outlook, route: int, day: int, top: int = 10) -> Explanation:
    """The risk of one route on one planned day, both by index, from all accidents, none left out."""
    columns, extreme = _columns(outlook, route, day)
    points = columns["contribution"]
    largest = np.argsort(-points, kind="stable")[:top]
    uncapped = float(points.sum())
    risk = min(uncapped, HIGHEST_RISK)
    return Explanation(
        risk=risk,
        colour=str(colour(risk)),
        uncapped=uncapped,
        extreme=extreme,
        contributing=int(np.count_nonzero(points)),
        largest=tuple(
            Contribution(accident=int(i), **{name: float(column[i]) for name, column in columns.items()})
            for i in largest
            if points[i] > 0
        ),
    )


def _columns(outlook: Outlook, route: int, day: int) -> tuple[dict[str, Floats], float]:
    """Every factor for all accidents, by its name in Contribution, and the extreme factor."""
    routes, accidents = outlook.routes, outlook.accidents
    place, kind = int(routes.place[route]), int(routes.kind[route])
    planned = outlook.windows.take(slice(place, place + 1)).flat().take(slice(day, day + 1))
    usual = outlook.climatology
    extreme = extreme_factor(planned.means()[:, : len(FACTORS)], usual.mean[place, day], usual.std[place, day])
    alike = similarity(planned, extreme, accidents.patterns)[0]
    distance_km = factors.great_circle_km(
        routes.place_lat[place], routes.place_lng[place], accidents.lat, accidents.lng
    )
    multiplied = {
        "distance": factors.distance_factor(distance_km, kind),
        "age": factors.age_factor(outlook.dates[day], accidents.date, kind),
        "elevation": factors.elevation_factor(accidents.elevation_m, routes.elevation_m[route], kind),
        "kind": factors.kind_factor(kind, accidents.kind),
        "severity": factors.severity_factor(accidents.severity),
        "grade": factors.grade_factor(accidents.difficulty, routes.difficulty[route]),
        "weather": weather_factor(alike),
    }
    contribution = RISK_A_UNIT * np.prod(list(multiplied.values()), axis=0)
    return {
        **multiplied,
        "distance_km": distance_km,
        "similarity": alike,
        "contribution": contribution,
    }, float(extreme[0])
