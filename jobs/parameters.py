"""Parameters of jobs: the types that a declaration can name, and how values are checked."""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError
from sqlalchemy import Connection

from jobs.errors import ParameterError
from jobs.months import EXPECTED, NotAMonth, month_text, parse_month
from jobs.problems import given
from jobs.storable import storable

# A default of these types need not be a list, which Python would share between calls.
_LISTS = {list, tuple, Sequence}


def Between(lowest: int, highest: int, meaning: str | None = None) -> Any:
    """Bounds of a whole number, both included, and what it means."""
    return Field(ge=lowest, le=highest, description=meaning)


def _month(text: str) -> str:
    try:
        return month_text(parse_month(text))
    except NotAMonth:
        raise ValueError(EXPECTED) from None


Month = Annotated[str, AfterValidator(_month), Field(json_schema_extra={"format": "month"})]
"""A calendar month, as the text YYYY-MM."""


@dataclass(frozen=True)
class OneOf:
    """A parameter whose values stand in the database; forms offer them. `left_out`: what leaving it out means."""

    source: Callable[[Connection], Sequence[str]]
    left_out: str = ""


def refuse_unknown(connection: Connection, job: str, model: type[BaseModel], values: Mapping[str, Any]) -> None:
    """Raises ParameterError for a value that is none of those in the database: no run could ever take it."""
    problems = {}
    for name, field in model.model_fields.items():
        for declared in field.metadata:
            if isinstance(declared, OneOf) and (value := values.get(name)) is not None:
                known = declared.source(connection)
                if value not in known:
                    choices = f"one of {', '.join(known)}" if known else "left out, because there is none yet"
                    problems[name] = f"must be {choices} (given: {given(value)})"
    if problems:
        raise ParameterError(job, problems)


def no_flag(value: Any) -> Any:
    """A value for a whole number: true and false are none, though Python takes them for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    return value


class Parameters(BaseModel):
    """What the parameters of every job have in common."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: Any, info: ValidationInfo) -> Any:
        """Flags are no numbers; a list may be one text, as forms, addresses and command lines have only texts."""
        # By its text: NaN is unlike itself.
        if repr(value) != repr(storable(value)):
            raise ValueError("must not contain NUL characters or halves of surrogate pairs")
        kinds = kinds_of(cls.model_fields[str(info.field_name)].annotation)
        if kinds & _LISTS and isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return no_flag(value) if int in kinds else value

    def values(self) -> dict[str, Any]:
        """Each parameter as its annotation says."""
        return {name: getattr(self, name) for name in type(self).model_fields}


def kinds_of(annotation: Any) -> set[Any]:
    """The plain types of an annotation: {list, NoneType} of `list[str] | None`."""
    if get_origin(annotation) is Annotated:
        return kinds_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return set().union(*(kinds_of(one) for one in get_args(annotation)))
    return {get_origin(annotation) or annotation}


def schemas_by_name(parameters: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """The JSON schema of each parameter; the choices of an Enum stand in their place, as those of a Literal do."""
    whole = parameters.model_json_schema(ref_template="{model}")
    enums = {name: part for name, part in whole.get("$defs", {}).items() if "enum" in part}

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(one) for one in part]
        if not isinstance(part, dict):
            return part
        own = {name: resolved(one) for name, one in part.items()}
        return {**enums.get(own.get("$ref", ""), own), **{name: one for name, one in own.items() if name != "$ref"}}

    return {name: resolved(part) for name, part in whole.get("properties", {}).items()}
