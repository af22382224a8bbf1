"""The factors of one accident's weight besides the weather. Arguments broadcast against each other."""

import numpy as np
import numpy.typing as npt

from jobs.scores import model
from jobs.scores.model import Codes, Dates, Floats, Indices


def great_circle_km(
    lat: npt.ArrayLike, lng: npt.ArrayLike, other_lat: npt.ArrayLike, other_lng: npt.ArrayLike
) -> Floats:
    """Great-circle distance in km between points in degrees. Haversine, R = 6371.0."""
    phi, lam, other_phi, other_lam = (np.radians(x) for x in (lat, lng, other_lat, other_lng))
    half_chord_squared = (
        np.sin((other_phi - phi) / 2) ** 2 + np.cos(phi) * np.cos(other_phi) * np.sin((other_lam - lam) / 2) ** 2
    )
    angle: Floats = 2 * np.arcsin(np.sqrt(np.minimum(half_chord_squared, 1.0)))
    return model.EARTH_RADIUS_KM * angle


def distance_factor(distance_km: Floats, kind: int | Codes) -> Floats:
    """S: a Gaussian of the distance, as wide as the planned kind's bandwidth."""
    return np.exp(-(distance_km**2) / (2 * model.BANDWIDTH_KM[kind] ** 2))


def age_factor(planned: Dates, happened: Dates, kind: int | Codes) -> Floats:
    """T: the decay of the planned kind and the bonus of a shared season. A later accident counts as 0 days old."""
    days = np.maximum((planned - happened).astype("timedelta64[D]").astype(np.float64), 0.0)
    decayed = (model.DECAY_A_DAY[kind] ** days) ** model.AGE_POWER
    bonus = np.where(model.season(planned) == model.season(happened), model.SEASON_BONUS, 1.0)
    return np.asarray((1 - model.AGE_SHARE * (1 - decayed)) * bonus, dtype=np.float64)


def elevation_factor(accident_m: Floats, route_m: Floats, kind: int | Codes) -> Floats:
    """E: up to 15 % more at equal elevation, on the scale of the planned kind; 1 when either is unknown (nan)."""
    difference = (accident_m - route_m) / model.ELEVATION_SCALE_M[kind]
    alike: Floats = np.fmax(np.exp(-(difference**2)), 0.0)  # fmax prefers the number to the nan
    return 1 + model.ELEVATION_BONUS * alike


def kind_factor(planned_kind: int | Codes, accident_kind: Codes) -> Floats:
    """R: how much an accident of one kind says about a route of another."""
    return np.asarray(model.KIND_MATCH[planned_kind, accident_kind])


def severity_factor(severity: Codes | Indices) -> Floats:
    """V: the weight of a severity."""
    return np.asarray(model.SEVERITY_WEIGHT[severity])


def grade_factor(accident_difficulty: Floats, route_difficulty: Floats) -> Floats:
    """G: a Gaussian of the difference in difficulty, at least 0.25; 1 when either is unknown (nan)."""
    squared = np.fmax((accident_difficulty - route_difficulty) ** 2, 0.0)
    return np.maximum(np.exp(squared / (-2 * model.GRADE_WIDTH**2)), model.LOWEST_GRADE_MATCH)


def reach_km(kind: int, accidents: int, highest_similarity: float, left_out: float) -> float:
    """Distance in km beyond which so many accidents together add less than `left_out` to a risk.

    Each of them adds at most 7 S with every other factor at its highest; solved for the S, then for the distance.
    """
    others = (
        model.RISK_A_UNIT
        * model.SEASON_BONUS
        * (1 + model.ELEVATION_BONUS)
        * float(model.KIND_MATCH[kind].max())
        * float(model.SEVERITY_WEIGHT.max())
        * highest_similarity**3
    )
    smallest = left_out / (others * max(accidents, 1))
    return float(model.BANDWIDTH_KM[kind] * np.sqrt(-2 * np.log(min(smallest, 1.0))))
