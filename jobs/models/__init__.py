"""Every table of the database."""

from jobs.models.base import Base
from jobs.models.climbing import Accident, AccidentWeather, Mountain, PlaceClimate, Route
from jobs.models.crimes import (
    Area,
    AreaForce,
    CrimeCategory,
    CrimeIncident,
    CrimeWeight,
    IngestionRun,
    UnplacedCrime,
    WeightScheme,
)
from jobs.models.grid import GridMonth, SafetyCell
from jobs.models.history import RouteHistory
from jobs.models.people import ApiToken, AuditEntry, User
from jobs.models.runs import Attempt, Cadence, Pause, Run

__all__ = [
    "Accident",
    "AccidentWeather",
    "ApiToken",
    "Area",
    "AreaForce",
    "Attempt",
    "AuditEntry",
    "Base",
    "Cadence",
    "CrimeCategory",
    "CrimeIncident",
    "CrimeWeight",
    "GridMonth",
    "IngestionRun",
    "Mountain",
    "Pause",
    "PlaceClimate",
    "Route",
    "RouteHistory",
    "Run",
    "SafetyCell",
    "UnplacedCrime",
    "User",
    "WeightScheme",
]
