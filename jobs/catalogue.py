"""The catalogue: every job is one plain function with a declaration, and everything else is made from it."""

import dataclasses
import datetime as dt
import functools
import inspect
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from typing import Any, Literal, ParamSpec, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, create_model, field_validator

from jobs import context
from jobs.errors import ParameterError, WrongCall

QUEUES = ("ingestion", "maintenance", "cache")
Queue = Literal["ingestion", "maintenance", "cache"]
JOB_MODULES = (
    "jobs.ingestion.run",
    "jobs.ingestion.release",
    "jobs.grid.rebuild",
    "jobs.recell",
    "jobs.cleanup",
    "jobs.validation",
    "jobs.scores.warm",
    "jobs.scores.fill",
)


_LONGEST_GIVEN = 100


def Between(lowest: int, highest: int, meaning: str | None = None) -> Any:
    """Bounds of a whole number, both included, and what it means."""
    return Field(ge=lowest, le=highest, description=meaning)


def no_flag(value: Any) -> Any:
    """A value for a whole number: true and false are none, though Python takes them for 1 and 0. Raises ValueError."""
    if isinstance(value, bool):
        raise ValueError("Input should be a whole number")
    return value


class Parameters(BaseModel):
    """What the parameters of every job have in common."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _flags_are_no_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        declared = cls.model_fields[str(info.field_name)].annotation
        return no_flag(value) if int in (get_args(declared) or (declared,)) else value


@dataclasses.dataclass(frozen=True)
class FollowUp:
    """A run that another run's result asks for."""

    job: str
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Job:
    """One entry of the catalogue: a function and what was declared of it."""

    function: Callable[..., Any]
    parameters: type[BaseModel]
    queue: Queue
    slug: str
    cron: str | None = None
    """Cadence in UTC: minute, hour, day of the month, month, day of the week."""
    catch_up: dt.timedelta = dt.timedelta(days=7)
    """The newest occurrence that was missed is made up for while it is younger than this."""
    overlaps: bool = False
    """Whether an occurrence waits behind a run that is still open, instead of being skipped."""
    follow_ups: Callable[[Any], Sequence["FollowUp"]] = lambda _result: ()
    """What a result of this job makes necessary next."""
    joins_running: bool = False
    """Whether a request is satisfied by an equal run that has begun already."""
    soft_limit_s: float = 55 * 60
    hard_limit_s: float = 60 * 60
    retry_delay_s: float = 30
    """Wait before the second attempt after a failure that may pass; the third waits four times as long."""

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

    def validate(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters as JSON values with defaults filled in. Raises ParameterError, naming each wrong one."""
        try:
            return self.parameters(**parameters).model_dump(mode="json")
        except ValidationError as error:
            raise ParameterError(self.name, problems_by_field(error)) from None


def problems_by_field(
    error: ValidationError, whole: str = "a parameter of this job", secret: Collection[str] = ()
) -> dict[str, str]:
    """Each wrong field with what was expected and what was given.

    whole: what an unknown field is not. secret: fields whose value is not repeated.
    """
    return {
        ".".join(str(part) for part in problem["loc"]) or "(all)": _explain(problem, whole, secret)
        for problem in error.errors(include_url=False)
    }


def _explain(problem: Any, whole: str, secret: Collection[str]) -> str:
    if problem["type"] == "missing":
        return "is required"
    if problem["type"] == "extra_forbidden":
        return f"is not {whole}"
    expected: str = problem["msg"].removeprefix("Value error, ")
    if any(part in secret for part in problem["loc"]):
        return expected
    # All of it may be long, and hold what is secret.
    given = repr(problem["input"]) if problem["loc"] else f"a {type(problem['input']).__name__}"
    return f"{expected} (given: {given if len(given) <= _LONGEST_GIVEN else given[:_LONGEST_GIVEN] + ' …'})"


_jobs: dict[str, Job] = {}

P = ParamSpec("P")
R = TypeVar("R")


def job(*, queue: Queue, slug: str, **declared: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Enter a function into the catalogue; `declared` are further fields of its Job.

    Called directly, the function runs in place with its parameters checked.
    """

    def enter(function: Callable[P, R]) -> Callable[P, R]:
        entry = Job(function, _parameters_of(function), queue, slug, **declared)
        signature = inspect.signature(function)

        @functools.wraps(function)
        def run_in_place(*args: P.args, **kwargs: P.kwargs) -> R:
            # The values of a direct call are those of a queued one: checked, and as JSON has them.
            parameters = entry.validate(signature.bind_partial(*args, **kwargs).arguments)
            with context.ensure():
                result: R = entry.function(**parameters)
            return result

        _jobs[entry.name] = dataclasses.replace(entry, function=run_in_place)
        return run_in_place

    return enter


def _parameters_of(function: Callable[..., Any]) -> type[BaseModel]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
    }
    return create_model(function.__name__, __base__=Parameters, **fields)


def load() -> dict[str, Job]:
    """All jobs by name, in the order of the catalogue; imports the job modules once.

    SAFEGRID_JOB_MODULES names further modules with jobs, separated by commas.
    """
    for module in (*JOB_MODULES, *filter(None, os.environ.get("SAFEGRID_JOB_MODULES", "").split(","))):
        import_module(module)
    return dict(sorted(_jobs.items(), key=_place))


def _place(entry: tuple[str, Job]) -> int:
    """Modules import each other: the order in which they were imported is not the catalogue's."""
    module = entry[1].function.__module__
    return JOB_MODULES.index(module) if module in JOB_MODULES else len(JOB_MODULES)


def find(name_or_slug: str) -> Job:
    """The job of that name or slug. Raises UnknownJob."""
    for entry in load().values():
        if name_or_slug in (entry.name, entry.slug, entry.path):
            return entry
    raise UnknownJob(name_or_slug)


class UnknownJob(WrongCall):
    """A name that stands in no catalogue."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no job {name!r}; the jobs are {', '.join(load())}")
