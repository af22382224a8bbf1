"""The catalogue: every job is one plain function with a declaration, and everything else is made from it."""

import dataclasses
import datetime as dt
import functools
import inspect
import os
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, ParamSpec, TypeVar, get_type_hints

from pydantic import BaseModel, ValidationError, create_model
from pydantic.errors import PydanticUserError

import jobs as package
from jobs import context
from jobs.errors import ParameterError, SafegridError, SettingsError, WrongCall
from jobs.parameters import Parameters, schemas_by_name
from jobs.problems import problems_of

QUEUES = ("ingestion", "maintenance", "cache", "events")
# RQ makes keys of the names, and commands take them as arguments.
_QUEUE = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_NO_JOBS = "jobs.migrations"


def queues() -> tuple[str, ...]:
    """The queues: those of Safegrid's own jobs, and what SAFEGRID_QUEUES names, separated by commas.

    Raises SettingsError for what cannot be the name of a queue.
    """
    further = [name.strip() for name in os.environ.get("SAFEGRID_QUEUES", "").split(",") if name.strip()]
    if wrong := [name for name in further if not _QUEUE.fullmatch(name)]:
        raise SettingsError(
            f"SAFEGRID_QUEUES: {wrong[0]} cannot be the name of a queue (lower-case letters, digits, - and _)"
        )
    return tuple(dict.fromkeys((*QUEUES, *further)))


@dataclasses.dataclass(frozen=True)
class FollowUp:
    """A run that another run's result asks for."""

    job: str
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Job:
    """One entry of the catalogue: a function and what was declared of it."""

    function: Callable[..., Any]
    parameters: type[Parameters]
    queue: str
    slug: str
    cron: str | None = None
    """Cadence in UTC: minute, hour, day of the month, month, day of the week."""
    catch_up: dt.timedelta = dt.timedelta(days=7)
    """The newest occurrence that was missed is made up for while it is younger than this."""
    overlaps: bool = False
    """Whether an occurrence waits behind a run that is still open, instead of being skipped."""
    follow_ups: Callable[[Any], Sequence["FollowUp"]] = lambda _result: ()
    """What a run of this job makes necessary next, by its result and by what is held; called in the job's context.

    The result is none where the run came to nothing: what it did until then may make something necessary all the same.
    """
    joins_running: bool = False
    """Whether a request is satisfied by an equal run that has begun already."""
    soft_limit_s: float = 55 * 60
    """An attempt that takes longer is interrupted, and fails with what it was at."""
    hard_limit_s: float = 60 * 60
    """An attempt that takes longer is killed; the minutes since the soft limit were there to end in order."""
    retry_delay_s: float = 30
    """Wait before the second attempt after a failure that may pass; each further one waits four times as long."""
    tries: int = 3
    """Attempts that may fail, in ways that may pass, before the run does."""
    month: tuple[str, str] | None = None
    """Two parameters, a year and a month of the year, that are one month to whoever fills a form."""
    result: type[BaseModel] | None = None
    """What the function returns, for the API's document. A result that is otherwise is told in the log, and kept."""
    remedies: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """{condition: words of a link} for what this job puts right, such as {"no_crimes": "Ingest the latest crimes"}."""

    @property
    def name(self) -> str:
        """Name of the function, of the task, and of the command `safegrid run NAME`."""
        return self.function.__name__

    @property
    def path(self) -> str:
        """Where RQ imports the function from."""
        return f"{self.function.__module__}.{self.name}"

    @property
    def summary(self) -> str:
        """First line of the function's docstring."""
        return (inspect.getdoc(self.function) or self.name).splitlines()[0]

    @property
    def properties(self) -> dict[str, dict[str, Any]]:
        """JSON schema of each parameter by its name."""
        return schemas_by_name(self.parameters)

    def compare(self, result: Any) -> None:
        """Tell in the log where the result is not as it was declared."""
        if self.result is None:
            return
        try:
            self.result.model_validate(result)
        except ValidationError as error:
            # Whoever reads the API by its document would stumble; what was done was done all the same.
            _warn(self.name, problems_of(self.result, error))

    def parse(self, parameters: Mapping[str, Any]) -> Parameters:
        """The parameters with defaults filled in. Raises ParameterError, naming each wrong one."""
        try:
            return self.parameters(**parameters)
        except ValidationError as error:
            raise ParameterError(self.name, problems_of(self.parameters, error)) from None

    def validate(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters as JSON values with defaults filled in. Raises ParameterError, naming each wrong one."""
        return self.parse(parameters).model_dump(mode="json")


class DeclarationError(SafegridError):
    """A job is declared in a way that cannot work."""

    def __init__(self, function: Callable[..., Any], problem: str) -> None:
        super().__init__(f"The job {function.__name__} in {function.__module__} is declared wrongly: {problem}")


@dataclasses.dataclass(frozen=True)
class Remedy:
    """The job that puts a condition right, and the words of a link to it."""

    job: Job
    words: str


_jobs: dict[str, Job] = {}

P = ParamSpec("P")
R = TypeVar("R")


def job(*, queue: str, slug: str, **declared: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Enter a function into the catalogue; `declared` are further fields of its Job. Raises DeclarationError.

    Called directly, the function runs in place with its parameters checked.
    """

    def enter(function: Callable[P, R]) -> Callable[P, R]:
        entry = Job(function, _parameters_of(function), queue, slug, **declared)
        _check(entry)
        signature = inspect.signature(function)

        @functools.wraps(function)
        def run_in_place(*args: P.args, **kwargs: P.kwargs) -> R:
            # The values of a direct call are those of a queued one: checked, and as the annotations say.
            parameters = entry.parse(signature.bind_partial(*args, **kwargs).arguments)
            with context.ensure() as here:
                result: R = entry.function(**parameters.values())
                entry.compare(result)
                if here.run_id is None:
                    # The next call in this context is another run, which does not go on from here.
                    here.state = {}
            return result

        _jobs[entry.name] = dataclasses.replace(entry, function=run_in_place)
        return run_in_place

    return enter


def _warn(job: str, problems: Mapping[str, str]) -> None:
    import structlog

    structlog.get_logger("safegrid").warning("result_is_not_as_declared", job=job, problems=dict(problems))


def _parameters_of(function: Callable[..., Any]) -> type[Parameters]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "due_at":
            raise DeclarationError(function, "due_at is a parameter of every run: choose another name")
        if name not in hints:
            raise DeclarationError(function, f"the parameter {name} has no annotation")
        fields[name] = (hints[name], ... if parameter.default is parameter.empty else parameter.default)
    try:
        made = create_model(function.__name__, __base__=Parameters, **fields)
        made.model_json_schema()
    except PydanticUserError as error:
        raise DeclarationError(function, f"JSON cannot carry its parameters: {error.message}") from None
    return made


def _check(entry: Job) -> None:
    """What would be found out only when the job is due, or never, is found out here. Raises DeclarationError."""
    for other in _jobs.values():
        is_same = (other.path, other.function.__qualname__) == (entry.path, entry.function.__qualname__)
        if not is_same and {other.name, other.slug} & {entry.name, entry.slug}:
            raise DeclarationError(entry.function, f"its name or slug is in use by {other.path}")
    if entry.queue not in (known := queues()):
        raise DeclarationError(
            entry.function,
            f"{entry.queue} is not a queue. Queues: {', '.join(known)}. To add queues, set SAFEGRID_QUEUES",
        )
    if entry.cron is not None:
        _check_cadence(entry, entry.cron)


def _check_cadence(entry: Job, cron: str) -> None:
    from croniter import CroniterError, croniter

    try:
        croniter(cron, dt.datetime.now(dt.UTC)).get_next(dt.datetime)
    except CroniterError as error:
        raise DeclarationError(entry.function, f"the cadence {cron} is never due: {error}") from None
    if required := [name for name, field in entry.parameters.model_fields.items() if field.is_required()]:
        raise DeclarationError(
            entry.function, f"it has a cadence, but {', '.join(required)} has no default: declare one"
        )


def load() -> dict[str, Job]:
    """All jobs by name, queue by queue; imports the modules of `jobs`, so that a new file with a job is enough.

    SAFEGRID_JOB_MODULES names further modules with jobs, separated by commas.
    """
    _import(os.environ.get("SAFEGRID_JOB_MODULES", ""))
    order = queues()
    return dict(sorted(_jobs.items(), key=lambda entry: (order.index(entry[1].queue), entry[1].slug)))


@functools.cache
def _import(further: str) -> None:
    for module in pkgutil.walk_packages(package.__path__, "jobs."):
        if not module.name.startswith(_NO_JOBS):
            import_module(module.name)
    for name in filter(None, map(str.strip, further.split(","))):
        import_module(name)


def find(name_or_slug: str) -> Job:
    """The job of that name or slug. Raises UnknownJob."""
    for entry in load().values():
        if name_or_slug in (entry.name, entry.slug, entry.path):
            return entry
    raise UnknownJob(name_or_slug)


def remedy(condition: str) -> Remedy:
    """What puts the condition right. Raises LookupError for one that no job declares."""
    for entry in load().values():
        if condition in entry.remedies:
            return Remedy(entry, entry.remedies[condition])
    raise LookupError(f"No job declares the remedy {condition!r}")


class UnknownJob(WrongCall):
    """A name that stands in no catalogue."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no job {name}. Jobs: {', '.join(load())}")
