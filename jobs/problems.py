"""What is wrong with values that somebody gave, in words: from pydantic's errors and the schema of the model.

Forms, the API, commands and settings all use these words; none shows a sentence of pydantic's or a word of Python's.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Schema = Mapping[str, Any]

WHOLE = "(all)"
"""In place of a field's name: the values together."""
# An error repeats what was given; a page of it would hide what was expected.
_LONGEST_GIVEN = 100
# Raised by validators of ours, whose message is in plain words already.
_OURS = ("value_error", "assertion_error")
_FORMATS = {
    "date": "a date, YYYY-MM-DD",
    "date-time": "a time such as 2024-05-01T03:00:00Z",
    "month": "a month, YYYY-MM",
    "path": "a path",
}
_KINDS = {bool: "true or false", dict: "an object", int: "a number", float: "a number", list: "a list", str: "text"}


def problems_of(
    model: type[BaseModel],
    error: ValidationError,
    *,
    known: str = "parameter of this job",
    secret: Collection[str] = (),
    with_given: bool = True,
) -> dict[str, str]:
    """{field: what is wrong with its value}, such as `must be a whole number from 1 to 60 (given: 99)`.

    known: what an unknown field is not. secret: fields whose value is not repeated; with_given: whether any is.
    """
    problems: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        names, schema, beyond = _place(model, problem)
        name = ".".join(map(str, names)) or WHOLE
        is_shown = with_given and beyond <= 1 and not {*names} & {*secret}
        shown = _given(problem["input"], bool(names)) if is_shown else ""
        if problem["type"] == "missing" and not beyond:
            problems[name] = "is required"
        # Of a union, each member has an error: ours says more.
        elif name not in problems or problem["type"] in _OURS:
            problems[name] = _said(problem, schema, known, shown)
    return {name: said for name, said in problems.items() if not _says_more(problems, name)}


def _says_more(problems: Collection[str], name: str) -> bool:
    """Whether a part of that value is known to be wrong: of a union, a member that was nearly met."""
    return any(other.startswith(f"{name}.") for other in problems)


def _said(problem: ErrorDetails, schema: Schema, known: str, shown: str) -> str:
    if problem["type"] == "extra_forbidden":
        return f"is not a {known}"
    if problem["type"] in _OURS:
        said = str(problem["ctx"]["error"])
        return said if "(given: " in said else f"{said}{shown}"
    return f"must be {words(schema)}{shown}"


def _given(value: Any, has_name: bool) -> str:
    # All of it may be long, and hold what is secret.
    return f" (given: {given(value) if has_name else _KINDS.get(type(value), 'null')})"


def given(value: Any) -> str:
    """The value as whoever gave it would write it."""
    is_plain = isinstance(value, str) and value.isprintable() and value == value.strip() != ""
    text = value if is_plain else json.dumps(value, default=str, skipkeys=True)
    return text if len(text) <= _LONGEST_GIVEN else f"{text[:_LONGEST_GIVEN]} …"


def as_given(value: Any) -> str:
    """A parameter's value as people write it: yes and no, lists with commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(as_given, value)) if isinstance(value, list | tuple) else given(value)


def words(schema: Schema) -> str:
    """The values that a JSON schema allows: `a whole number from 1 to 60`, `one of quick, full`."""
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if options := [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]:
        return ", or ".join(dict.fromkeys(map(words, options)))
    kind = schema.get("type", "object")
    return _OF_TYPE[kind](schema) if kind in _OF_TYPE else "an object"


def _text(schema: Schema) -> str:
    such = f" such as {schema['examples'][0]}" if schema.get("examples") else ""
    return f"text{such or _count(schema.get('minLength'), schema.get('maxLength'), 'character')}"


_OF_TYPE: Mapping[str, Callable[[Schema], str]] = {
    "integer": lambda schema: f"a whole number{_bounds(schema)}",
    "number": lambda schema: f"a number{_bounds(schema)}",
    "boolean": lambda _: "true or false",
    "array": lambda schema: f"a list{_count(schema.get('minItems'), schema.get('maxItems'), 'value')}",
    "string": lambda schema: _FORMATS.get(schema.get("format", ""), "") or _text(schema),
}


def _bounds(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f" from {_number(least)} to {_number(most)}"
    if least is not None:
        return f" of {_number(least)} or more"
    if "exclusiveMinimum" in schema:
        return f" above {_number(schema['exclusiveMinimum'])}"
    return "" if most is None else f" of {_number(most)} or less"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _count(least: int | None, most: int | None, noun: str) -> str:
    if most is None:
        return f" of at least {least} {noun}{'' if least == 1 else 's'}" if least else ""
    if least == most:
        return f" of {most} {noun}s"
    return f" of {least} to {most} {noun}s" if least else f" of at most {most} {noun}s"


def _place(model: type[BaseModel], problem: ErrorDetails) -> tuple[Sequence[int | str], Schema, int]:
    """The names that lead to a wrong value, the schema there, and how many parts of pydantic's place lie beyond it.

    A place within a member of a union is the union's, unless the member is a model: somebody may have meant another.
    The first part beyond is the member's own name; with more, pydantic's input is only a part of the value.
    """
    root = _schema(model)
    schema, names = _value(root, root), list[int | str]()
    location = _as_called(model, problem["loc"])
    beyond = len(location)
    for part in location:
        if beyond > 1 and (member := _member(schema, part)):
            schema = member
        elif (below := _below(schema, part)) is not None:
            names.append(part)
            schema = _value(root, below)
        else:
            break
        beyond -= 1
    if beyond == 1 and problem["type"] == "extra_forbidden":
        names.append(location[-1])
    return names, schema, beyond


def _as_called(model: type[BaseModel], location: Sequence[int | str]) -> Sequence[int | str]:
    """The place with its field's name as it is given: of a default, pydantic has the attribute's."""
    field = model.model_fields.get(str(location[0])) if location else None
    called = field and (field.validation_alias or field.alias)
    return (called, *location[1:]) if isinstance(called, str) else location


@lru_cache(maxsize=256)
def _schema(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()


def _value(root: Schema, schema: Schema) -> Schema:
    """The schema of the value itself, where it may also be left out or is a reference; members of a union are such."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" not in schema:
        return schema
    options = [_value(root, one) for one in schema["anyOf"] if one.get("type") != "null"]
    return options[0] if len(options) == 1 else {**schema, "anyOf": options}


def _member(schema: Schema, part: int | str) -> Schema | None:
    """The model of that name among the members of a union."""
    models = (one for one in schema.get("anyOf", ()) if "properties" in one)
    return next((one for one in models if one.get("title") == part), None)


def _below(schema: Schema, part: int | str) -> Schema | None:
    """The schema of a part of the value; None for what is no part of it."""
    if isinstance(part, str):
        more = schema.get("additionalProperties")
        found = schema.get("properties", {}).get(part)
        return found or (more if isinstance(more, dict) else None)
    first = schema.get("prefixItems", ())
    found = first[part] if part < len(first) else schema.get("items")
    return found if isinstance(found, dict) else None
