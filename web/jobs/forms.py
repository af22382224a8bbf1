"""A job's form, made from its declaration."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from jobs.catalogue import Job
from jobs.errors import ParameterError
from jobs.months import EXPECTED, NotAMonth, parse_month
from jobs.parameters import OneOf
from worker import due

_GIVEN = re.compile(r" \(given: .*\)$", re.DOTALL)
Kind = Literal["number", "text", "checkbox", "select", "month", "date", "time"]
Choices = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Field:
    """One parameter as an input."""

    name: str
    kind: Kind
    value: str
    required: bool
    optional: bool
    """Whether leaving it empty means something other than a default."""
    help: str
    error: str = ""
    lowest: float | None = None
    highest: float | None = None
    step: str = "1"
    choices: tuple[str, ...] = ()
    left_out: str = ""
    """What leaving it out means, among its choices."""

    @property
    def label(self) -> str:
        return "Start at" if self.kind == "time" else self.name.replace("_", " ").capitalize()

    @property
    def problem(self) -> str:
        """What is wrong, as a sentence."""
        # What was given stands in the field.
        wrong = _GIVEN.sub("", self.error)
        return f"{self.label} {wrong}" if wrong.startswith(("is ", "must ")) else wrong

    @property
    def is_checked(self) -> bool:
        return self.value == "true"


@dataclass(frozen=True)
class Form:
    """A job with its inputs, filled with what was given or with the defaults."""

    job: Job
    fields: tuple[Field, ...]
    errors: tuple[str, ...] = ()
    """What is wrong with no field of the form."""
    due_at: Field = field(default_factory=lambda: _due_at({}, {}))

    @property
    def is_wrong(self) -> bool:
        return bool(self.errors) or any(one.error for one in (*self.fields, self.due_at))


def form(
    job: Job,
    given: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    choices: Choices | None = None,
) -> Form:
    """The job's form; `given` is what a form sent, kept where `errors` says it is wrong.

    `choices`: what there is to choose from, by the name of a parameter, of those that `sources` has.
    """
    wrong = dict(errors or {})
    required = {name for name, field in job.parameters.model_fields.items() if field.is_required()}
    properties = job.properties
    fields = []
    if job.month:
        fields.append(_month_field(job.month, given, wrong))
        properties = {name: schema for name, schema in properties.items() if name not in job.month}
    offered = sources(job)
    for name, schema in properties.items():
        field = _field(name, schema, name in required, given, wrong.pop(name, ""))
        fields.append(_chosen_from(field, (choices or {}).get(name, ()), offered[name]) if name in offered else field)
    later = _due_at(given or {}, wrong)
    return Form(job, tuple(fields), tuple(f"{name} {error}" for name, error in wrong.items()), later)


def _due_at(given: Mapping[str, str], wrong: dict[str, str]) -> Field:
    """When the run is to begin: of every form, and no parameter of any job."""
    problem = wrong.pop(due.PARAMETER, "")
    return Field(
        name=due.PARAMETER,
        kind="time",
        value=given.get(due.PARAMETER, ""),
        required=False,
        optional=True,
        help="UTC. Leave empty to start at once",
        error=problem,
    )


def sources(job: Job) -> dict[str, OneOf]:
    """Where the choices of the job's parameters stand, by the name of the parameter."""
    fields = job.parameters.model_fields.items()
    return {name: one for name, field in fields for one in field.metadata if isinstance(one, OneOf)}


def read(job: Job, sent: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that a form sent. Raises ParameterError for a month that is none.

    A field left empty is one left out; further fields are kept, to be refused.
    """
    parameters: dict[str, Any] = {
        name: text.strip() for name, text in sent.items() if name not in ("csrf_token", due.PARAMETER) and text.strip()
    }
    if job.month and job.month[1] in parameters and job.month[0] not in parameters:
        parameters |= _year_and_month(job, job.month, parameters[job.month[1]])
    boxes = {name: name in sent for name, schema in job.properties.items() if _type(schema) == "boolean"}
    return parameters | boxes


def written(job: Job, parameters: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a run as its form would send them: to run it again with changes."""
    given = {name: _as_text(value) for name, value in parameters.items() if value not in (None, False)}
    if job.month and given.keys() >= set(job.month):
        year, month = job.month
        given[month] = f"{given.pop(year):0>4}-{given[month]:0>2}"
    return given


def _year_and_month(job: Job, names: tuple[str, str], text: str) -> dict[str, int]:
    year, month = names
    try:
        found = parse_month(text)
    except NotAMonth:
        raise ParameterError(job.name, {month: EXPECTED}) from None
    return {year: found.year, month: found.month}


def _month_field(names: tuple[str, str], given: Mapping[str, str] | None, wrong: dict[str, str]) -> Field:
    year, month = names
    errors = [wrong.pop(name, "") for name in (month, year)]
    value = (given or {}).get(month, "")
    if (given or {}).get(year) and value:
        value = f"{(given or {})[year]:0>4}-{value:0>2}"
    return Field(month, "month", value, True, False, "YYYY-MM", error=errors[0] or errors[1])


def _chosen_from(field: Field, choices: Sequence[str], declared: OneOf) -> Field:
    # What was given stays in sight, though it may be no choice.
    own = (field.value,) if field.value and field.value not in choices else ()
    return replace(field, kind="select", choices=(*choices, *own), left_out=declared.left_out)


def _field(name: str, schema: dict[str, Any], required: bool, given: Mapping[str, str] | None, error: str) -> Field:
    type_of = _value_schema(schema)
    kind = _kind(type_of)
    if given is None:
        value = _as_text(schema.get("default"))
    else:
        value = ("true" if name in given else "") if kind == "checkbox" else given.get(name, "")
    return Field(
        name=name,
        kind=kind,
        value=value,
        required=required,
        optional=not required and schema.get("default") is None,
        help=_help(schema, type_of),
        error=error,
        lowest=type_of.get("minimum"),
        highest=type_of.get("maximum"),
        step="1" if type_of.get("type") == "integer" else "any",
        choices=tuple(map(str, type_of.get("enum", ()))),
    )


def _value_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """That of the value itself where it may also be left out."""
    options: list[dict[str, Any]] = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return options[0] if options else schema


def _type(schema: dict[str, Any]) -> str:
    return str(_value_schema(schema).get("type", "string"))


def _kind(schema: dict[str, Any]) -> Kind:
    if "enum" in schema:
        return "select"
    if schema.get("format") == "month":
        return "month"
    if schema.get("format") == "date":
        return "date"
    kinds: dict[str, Kind] = {"integer": "number", "number": "number", "boolean": "checkbox"}
    return kinds.get(schema.get("type", "string"), "text")


def _help(schema: dict[str, Any], type_of: dict[str, Any]) -> str:
    parts = [schema["description"]] if "description" in schema else []
    if type_of.get("type") == "array":
        parts.append("Separated by commas")
    if "minimum" in type_of and "maximum" in type_of:
        parts.append(f"{type_of['minimum']} to {type_of['maximum']}")
    return ". ".join(parts)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
