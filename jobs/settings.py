"""Settings of the jobs, read once from the environment and `.env` at the entry point and handed on."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from jobs.boundaries.degrees import look_swapped
from jobs.errors import SettingsError
from jobs.placement import identifier
from jobs.problems import WHOLE, problems_of

S = TypeVar("S", bound=BaseSettings)
LEAST_MONTHS = 12
"""Months of crimes that the grid shows, and that a rebuild and an ingestion want, unless they are asked for others."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _postgresql(url: str) -> str:
    """SQLAlchemy reads postgresql:// as psycopg 3 and refuses postgres://: name our driver once, here."""
    if not url:
        return url
    scheme, _, rest = url.partition("://")
    expected = ValueError("must be postgresql://user:password@host:port/name")
    if not rest or scheme not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise expected
    try:
        found = make_url(address := f"postgresql+psycopg2://{rest}")
    except (ArgumentError, ValueError):
        raise _unencoded(expected, rest) from None
    if "@" in (found.host or ""):
        raise _unencoded(expected, rest)
    return address


def _unencoded(expected: ValueError, rest: str) -> ValueError:
    """What is expected, and how to write a password; told of every address that has one and cannot be read."""
    return ValueError(f"{expected}; {PERCENT_ENCODE}") if "@" in rest else expected


PERCENT_ENCODE = "in a password, write # as %23, / as %2F, @ as %40, ? as %3F and % as %25"
_REDIS_DATABASE = re.compile(r"/?|/[0-9]+/?")


def redis_address(url: str) -> str:
    """A URL that redis-py understands as it was meant. Raises ValueError."""
    if not url:
        return url
    expected = ValueError("must be redis://host:port/0, rediss://... or unix:///path")
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise expected
    # What redis-py cannot read of these it passes over, and so would connect to another server or database.
    if parts.fragment or not _has_port(url) or (parts.scheme != "unix" and "@" in parts.path + parts.query):
        raise _unencoded(expected, url.partition("://")[2])
    path = "" if parts.scheme == "unix" else parts.path
    if not (_REDIS_DATABASE.fullmatch(path) and all(db.isdecimal() for db in parse_qs(parts.query).get("db", ()))):
        raise ValueError("must end in the number of a database: redis://host:port/0")
    return url


def unverified(url: str) -> str:
    """A rediss:// address whose certificate is not checked; any other as it is."""
    if not url.startswith("rediss://") or "ssl_cert_reqs" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=none&ssl_check_hostname=False"


def _has_port(url: str) -> bool:
    """Whether the port is a number, or left out."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _months_kept(value: Any) -> Any:
    """Raises ValueError for fewer than the grid is made of."""
    if str(value).isdecimal() and int(value) < LEAST_MONTHS:
        raise ValueError(f"must be at least {LEAST_MONTHS}, the months that the grid and each ingestion need")
    return value


def secure_address(url: str) -> str:
    """An https address without a slash at its end; http only for loopback, where a redirect cannot bite."""
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not (secure and parts.hostname and _has_port(url)):
        raise ValueError("must be an https:// address (http:// only for this machine)")
    return url.rstrip("/")


def parse_box(value: Any) -> Any:
    """South, west, north, east in degrees from the text of four numbers. Raises ValueError."""
    if not isinstance(value, str):
        return value
    numbers = re.split(r"\s*,\s*", value.strip())
    try:
        south, west, north, east = map(float, numbers)
    except ValueError:
        raise ValueError(f"must be four numbers, lat_min,lng_min,lat_max,lng_max, {_BOX}") from None
    if not (-90 <= south < north <= 90 and -180 <= west < east <= 180):
        raise ValueError(f"must be in degrees with lat_min < lat_max and lng_min < lng_max, {_BOX}")
    if look_swapped(lat=(south, north), lng=(west, east)):
        raise ValueError(f"latitude and longitude look swapped: latitude comes first, {west},{south},{east},{north}")
    return (south, west, north, east)


def _table(name: str) -> str:
    """A table, with its schema or without. Raises ValueError."""
    schema, _, table = name.rpartition(".")
    return ".".join(identifier(part) for part in (schema, table) if part or part is table)


def _columns(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    names = re.split(r"\s*,\s*", value.strip())
    if len(names) != 3 or len(set(names)) < 3:
        raise ValueError("expected three names: id,created_at,deleted_at")
    return tuple(identifier(name) for name in names)


_BOX = "such as 50.85,-1.55,51.0,-1.3"
Box = tuple[float, float, float, float]
"""South, west, north, east in degrees; a point on the north or east side is outside."""


class Settings(BaseSettings):
    """What job code may know. No secret of the web is here."""

    model_config = SettingsConfigDict(
        env_prefix="SAFEGRID_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    app_env: Literal["development", "production"] = Field("development", validation_alias="APP_ENV")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", validation_alias="LOG_LEVEL")
    database_url: Annotated[str, AfterValidator(_postgresql)] = Field("", validation_alias="DATABASE_URL", repr=False)
    database_schema: Annotated[str, AfterValidator(lambda name: identifier(name) if name else "")] = Field(
        "", validation_alias="SAFEGRID_DATABASE_SCHEMA"
    )
    """The schema of PostgreSQL that holds the tables. Left out: that of the connection, or `safegrid` where another
    application has tables of the same names there."""
    redis_verify: bool = Field(True, validation_alias="SAFEGRID_REDIS_VERIFY")
    """Whether the certificates of rediss:// servers are checked. Some platforms have self-signed ones."""
    redis_url: Annotated[str, AfterValidator(redis_address)] = Field("", validation_alias="REDIS_URL", repr=False)
    police_api_base_url: Annotated[str, AfterValidator(secure_address)] = Field(
        "https://data.police.uk/api", validation_alias="POLICE_API_BASE_URL"
    )
    police_timeout_s: Annotated[float, Ge(0.1), Le(600)] = Field(60, validation_alias="SAFEGRID_POLICE_TIMEOUT_S")
    police_rate: Annotated[float, Ge(0), Le(1000)] = Field(15, validation_alias="SAFEGRID_POLICE_RATE")
    """Requests a second that all workers together make of the police service; 0 for no limit."""
    retry_wait_s: Annotated[float, Ge(0), Le(60)] = Field(1, validation_alias="SAFEGRID_RETRY_WAIT_S")
    """Wait before the first retry of a request to a source; later ones wait twice as long each."""
    open_meteo_api_key: str = Field("", validation_alias="OPEN_METEO_API_KEY", repr=False)
    """With a key the customers' hosts of Open-Meteo are asked."""
    weather_forecast_url: Annotated[str, AfterValidator(secure_address)] = Field(
        "https://api.open-meteo.com/v1", validation_alias="SAFEGRID_WEATHER_FORECAST_URL"
    )
    weather_archive_url: Annotated[str, AfterValidator(secure_address)] = Field(
        "https://archive-api.open-meteo.com/v1", validation_alias="SAFEGRID_WEATHER_ARCHIVE_URL"
    )
    weather_timeout_s: Annotated[float, Ge(0.1), Le(600)] = Field(30, validation_alias="SAFEGRID_WEATHER_TIMEOUT_S")
    weather_daily_calls: Annotated[float, Ge(0)] = Field(9_000, validation_alias="SAFEGRID_WEATHER_DAILY_CALLS")
    """Weighted calls a day (UTC), for forecasts and climatology together. The free service allows 10,000."""
    weather_minute_calls: Annotated[float, Ge(1)] = Field(550, validation_alias="SAFEGRID_WEATHER_MINUTE_CALLS")
    """Weighted calls a minute. The free service allows 600."""
    warm_routes: Annotated[int, Ge(1)] | Literal["all"] = Field(200, validation_alias="SAFEGRID_WARM_ROUTES")
    """How many of the most popular routes are kept warm, or `all`."""
    ingest_releases: bool = Field(True, validation_alias="SAFEGRID_INGEST_RELEASES")
    """Whether a new release of the source is ingested on the day it is seen, not only on the 2nd of the month."""
    climbing_database_url: Annotated[str, AfterValidator(_postgresql)] = Field(
        "", validation_alias="SAFEGRID_CLIMBING_DATABASE_URL", repr=False
    )
    """The database of SafeAscent, which `load-climbing --from-database` reads; left out: DATABASE_URL."""
    history_table: Annotated[str, AfterValidator(_table)] = Field(
        "route_history", validation_alias="SAFEGRID_HISTORY_TABLE"
    )
    """Where people's route history is: a table of ours, or of the application beside, as `public.route_history`."""
    history_columns: Annotated[tuple[str, str, str], NoDecode, BeforeValidator(_columns)] = Field(
        ("id", "created_at", "deleted_at"), validation_alias="SAFEGRID_HISTORY_COLUMNS"
    )
    """Its columns: the id, of any type; when the route was asked for; when the row was soft-deleted, or nothing."""
    history_purge_days: Annotated[int, Ge(1), Le(36500)] | None = Field(
        None, validation_alias="SAFEGRID_HISTORY_PURGE_DAYS"
    )
    """Soft-deleted history is deleted for good so many days later; kept where this is left out."""
    run_retention_days: Annotated[int, Ge(1)] = Field(365, validation_alias="SAFEGRID_RUN_RETENTION_DAYS")
    """Ended runs older than this are deleted."""
    crime_retention_months: Annotated[int | None, BeforeValidator(_months_kept)] = Field(
        None, validation_alias="SAFEGRID_CRIME_RETENTION_MONTHS"
    )
    """How many of the newest months of crimes are kept; all where this is left out."""
    refresh_months: Annotated[int, Ge(0), Le(36)] = Field(3, validation_alias="SAFEGRID_REFRESH_MONTHS")
    """How many of the newest months that are held are asked for again after a release: the source revises them."""
    import_folder: Path = Field(Path(".safegrid/import"), validation_alias="SAFEGRID_IMPORT_FOLDER")
    """Where archives are read from, and downloaded to; on every host that has workers of the queue ingestion."""
    h3_resolution: Annotated[int, Ge(7), Le(12)] = Field(10, validation_alias="H3_RESOLUTION")
    grid_generations: Annotated[int, Ge(1), Le(100)] = Field(5, validation_alias="SAFEGRID_GRID_GENERATIONS")
    """How many of the newest generations of the grid can be published again, the published one among them."""
    grid_type: Literal["h3_hexagonal"] = Field("h3_hexagonal", validation_alias="GRID_TYPE")
    southampton_bbox: Annotated[Box, NoDecode, BeforeValidator(parse_box)] = Field(
        (50.85, -1.55, 51.0, -1.3), validation_alias="SOUTHAMPTON_BBOX"
    )
    grid_cell_size_m: Annotated[float, Ge(1)] | None = Field(None, validation_alias="GRID_CELL_SIZE_M")

    @property
    def production(self) -> bool:
        return self.app_env == "production"

    @property
    def cell_size_m(self) -> int:
        """Mean edge length in metres of the cell at the first area's centre."""
        return round(self.grid_cell_size_m or _edge_m(self.southampton_bbox, self.h3_resolution))

    # Checks of fields, each with those above it, and not of the whole: so one message names every wrong variable.
    @field_validator("database_url", "redis_url")
    @classmethod
    def _check_engine(cls, url: str, info: ValidationInfo) -> str:
        if not url and info.data.get("app_env") == "production":
            raise ValueError("is required with APP_ENV=production")
        if bool(url) != bool(info.data.get("database_url", url)):
            one, other = ("set", "unset") if url else ("unset", "set")
            raise ValueError(f"is {one} but DATABASE_URL is {other}: set both, or neither to use the embedded engines")
        return url

    @field_validator("redis_url", "own_queue_redis_url", "celery_broker_url", check_fields=False)
    @classmethod
    def _trust_if_told(cls, url: str, info: ValidationInfo) -> str:
        return url if info.data.get("redis_verify", True) else unverified(url)

    @field_validator("grid_cell_size_m")
    @classmethod
    def _check_cell_size(cls, size_m: float | None, info: ValidationInfo) -> float | None:
        if size_m is None or not {"h3_resolution", "southampton_bbox"} <= info.data.keys():
            return size_m
        edge = _edge_m(info.data["southampton_bbox"], info.data["h3_resolution"])
        if abs(size_m - edge) > 0.1 * edge:
            raise ValueError(
                f"must be about {edge:.0f}, the edge of a cell with H3_RESOLUTION={info.data['h3_resolution']}: "
                "leave it unset, or change the resolution"
            )
        return size_m


def _edge_m(box: Box, resolution: int) -> float:
    import h3

    south, west, north, east = box
    edges = h3.origin_to_directed_edges(h3.latlng_to_cell((south + north) / 2, (west + east) / 2, resolution))
    return float(sum(h3.edge_length(edge, unit="m") for edge in edges) / len(edges))


def load(settings: type[S], **values: Any) -> S:
    """Settings from the environment, `.env` and `values`. Raises SettingsError, naming all wrong ones."""
    try:
        return settings(**values)
    except ValidationError as error:
        raise SettingsError(_message(settings, error)) from None


def _message(settings: type[BaseSettings], error: ValidationError) -> str:
    # Whoever set them can look at them; in a log, some are secret.
    problems = problems_of(settings, error, with_given=False)
    lines = [f"  {name}: {said}" if name != WHOLE else f"  {said}" for name, said in problems.items()]
    return "These settings are not valid:\n" + "\n".join(lines)
