"""Settings of the workers: those of the jobs, and where the queues are."""

import contextlib
import datetime as dt
import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, overload
from urllib.parse import urlsplit

from annotated_types import Ge, Le
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

import jobs.settings
from jobs.settings import redis_address, secure_address
from worker.telling import receivers

if TYPE_CHECKING:
    from worker.engines import Endpoints


def _receivers(text: str) -> str:
    receivers.read_all(text)
    return text


def _mail_server(url: str) -> str:
    parts = urlsplit(url)
    if url and not (parts.scheme in ("smtp", "smtps") and parts.hostname):
        raise ValueError("must be smtp://user:password@host:587 or smtps://user:password@host:465")
    return url


def _address(url: str) -> str:
    """An https address without a slash at its end, or none."""
    return secure_address(url) if url else ""


def _pings(text: str) -> str:
    for one in text.split():
        slug, _, url = one.partition("=")
        if not slug:
            raise ValueError(
                "must be SLUG=https://..., separated by spaces, such as warm-cache=https://hc-ping.com/..."
            )
        secure_address(url)
    return text


class Settings(jobs.settings.Settings):
    """What workers, the scheduler and the command line may know."""

    own_queue_redis_url: Annotated[str, AfterValidator(redis_address)] = Field(
        "", validation_alias="QUEUE_REDIS_URL", repr=False
    )
    celery_broker_url: str = Field("", validation_alias="CELERY_BROKER_URL", repr=False)
    """The broker of the systems before this one, where it counts as QUEUE_REDIS_URL; empty where that is set."""
    home: Path = Field(Path(".safegrid"), validation_alias="SAFEGRID_HOME")
    """Folder of the embedded engines."""
    sweep_interval_s: Annotated[float, Ge(0.1), Le(20)] = Field(3, validation_alias="SAFEGRID_SWEEP_INTERVAL_S")
    unknown_job_wait_s: Annotated[float, Ge(0)] = Field(15 * 60, validation_alias="SAFEGRID_UNKNOWN_JOB_WAIT_S")
    """How long a run waits for a process that knows its job, as in a rolling deploy."""
    crimes_late_days: Annotated[float, Ge(0)] = Field(3, validation_alias="SAFEGRID_CRIMES_LATE_DAYS")
    """A month that is not held so many days after its release was seen is a critical finding."""
    pipelines: bool = Field(True, validation_alias="SAFEGRID_PIPELINES")
    """Whether a run asks by itself for what its result makes necessary, such as the grid of new crimes."""
    alert_webhook_url: Annotated[str, AfterValidator(_receivers)] = Field(
        "", validation_alias="ALERT_WEBHOOK_URL", repr=False
    )
    """The first who is told of findings; nobody when empty."""
    alert_receivers: Annotated[str, AfterValidator(_receivers)] = Field(
        "", validation_alias="SAFEGRID_ALERT_RECEIVERS", repr=False
    )
    """Further ones, separated by spaces: [SEVERITY=][FORM+]https://... or [SEVERITY=]mailto:ADDRESS."""
    alert_secret: str = Field("", validation_alias="SAFEGRID_ALERT_SECRET", repr=False)
    """Signs the messages that are JSON."""
    smtp_url: Annotated[str, AfterValidator(_mail_server)] = Field(
        "", validation_alias="SAFEGRID_SMTP_URL", repr=False, validate_default=True
    )
    alert_from: str = Field("", validation_alias="SAFEGRID_ALERT_FROM")
    """The sender of mail."""
    admin_url: Annotated[str, AfterValidator(_address)] = Field("", validation_alias="SAFEGRID_ADMIN_URL")
    """Of the admin's pages, for the links of messages."""
    ping_url: Annotated[str, AfterValidator(_address)] = Field("", validation_alias="SAFEGRID_PING_URL", repr=False)
    """Told every minute whether all goes on."""
    pings: Annotated[str, AfterValidator(_pings)] = Field("", validation_alias="SAFEGRID_PINGS", repr=False)
    """Told of a job's runs: SLUG=https://..., separated by spaces."""
    max_workers: Annotated[int, Ge(1), Le(64)] | None = Field(None, validation_alias="SAFEGRID_MAX_WORKERS")
    memory_limit_mb: Annotated[int, Ge(64)] = Field(2048, validation_alias="SAFEGRID_MEMORY_LIMIT_MB")
    """Resident memory of one work-horse."""

    @field_validator("celery_broker_url")
    @classmethod
    def _is_read_where_no_other_is_set(cls, url: str, info: ValidationInfo) -> str:
        """With QUEUE_REDIS_URL set it is another program's, and may be no Redis at all."""
        if info.data.get("own_queue_redis_url", "not readable"):
            return ""
        try:
            return redis_address(url)
        except ValueError as error:
            raise ValueError(f"{error}; or set QUEUE_REDIS_URL, which is read instead") from None

    @field_validator("smtp_url")
    @classmethod
    def _is_there_for_mail(cls, url: str, info: ValidationInfo) -> str:
        told = f"{info.data.get('alert_webhook_url', '')} {info.data.get('alert_receivers', '')}"
        if not url and "mailto:" in told:
            raise ValueError("is required for a mailto: receiver, such as smtp://user:password@host:587")
        return url

    @property
    def receivers(self) -> list[receivers.Receiver]:
        """Who is told of findings, ALERT_WEBHOOK_URL first; each once."""
        found = receivers.read_all(f"{self.alert_webhook_url} {self.alert_receivers}")
        return list({one.url: one for one in found}.values())

    @property
    def tells(self) -> bool:
        """Whether anybody is told of anything."""
        return bool(self.receivers or self.pings or self.ping_url)

    @property
    def pings_by_job(self) -> dict[str, str]:
        """{slug: address} of the jobs whose runs are told of."""
        return {slug: url for slug, _, url in (one.partition("=") for one in self.pings.split())}

    @property
    def workers(self) -> tuple[int, int]:
        """Fewest and most worker processes of one supervisor."""
        fewest, most = (2, 8) if self.production else (1, 4)
        return fewest, max(fewest, self.max_workers or most)

    @property
    def unknown_job_wait(self) -> dt.timedelta:
        """`unknown_job_wait_s` as a time."""
        return dt.timedelta(seconds=self.unknown_job_wait_s)

    @property
    def jobs_per_worker(self) -> int:
        """Jobs after which a worker process is renewed, so that what leaks ends with it."""
        return 100 if self.production else 50

    @property
    def queue_redis_url(self) -> str:
        """The Redis of the queues; that of the cache unless QUEUE_REDIS_URL or CELERY_BROKER_URL is set."""
        return self.own_queue_redis_url or self.celery_broker_url or self.redis_url


S = TypeVar("S", bound=Settings)


@overload
def read() -> Settings: ...
@overload
def read(settings: type[S]) -> S: ...
def read(settings: type[Settings] = Settings) -> Settings:
    """Settings from the environment; without DATABASE_URL and REDIS_URL, those of the engines that run here.

    What the owner of those engines was told holds too, unless the environment says otherwise: a command beside a demo
    asks the demo's sources. Raises SettingsError, or EngineError when neither is there.
    """
    found = jobs.settings.load(settings)
    if found.database_url:
        return found
    from worker import engines

    if "home" in found.model_fields_set:
        home, endpoints = found.home, engines.attach(found.home)
    else:
        home, endpoints = engines.attach_here()
    untold = {name: value for name, value in endpoints.settings.items() if name not in found.model_fields_set}
    return at(jobs.settings.load(settings, **untold), endpoints).model_copy(update={"home": home})


def open_values(settings: Settings) -> dict[str, Any]:
    """What these settings were told, but for secrets, as JSON has it."""
    fields = type(settings).model_fields
    return settings.model_dump(mode="json", include={name for name in settings.model_fields_set if fields[name].repr})


def at(settings: S, endpoints: "Endpoints") -> S:
    """These settings with the addresses of embedded engines."""
    return settings.model_copy(update={"database_url": endpoints.database_url, "redis_url": endpoints.redis_url})


def local_secret(home: Path, name: str) -> str:
    """A secret of this machine, made once and kept in a file that only its owner can read. Development only."""
    home.mkdir(parents=True, exist_ok=True)
    file = home / name
    if not file.exists():
        # Linked into its place when it is whole, so that nobody who starts beside us reads half of it.
        with tempfile.NamedTemporaryFile("w", dir=home) as draft:
            draft.write(secrets.token_urlsafe(24) + "\n")
            draft.flush()
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, file)
    return file.read_text().strip()
