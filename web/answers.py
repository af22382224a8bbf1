"""What the modules of the JSON API share."""

from typing import Any, TypeVar

from flask import Response, jsonify
from pydantic import BaseModel, ConfigDict

M = TypeVar("M", bound=BaseModel)


class Told(BaseModel):
    """What is taken or answered: nothing beside what is declared."""

    model_config = ConfigDict(extra="forbid")


class Changed(Told):
    """Whether something changed."""

    changed: bool


def answer(told: BaseModel, status: int = 200) -> Response:
    """The answer as JSON."""
    response = jsonify(told.model_dump(mode="json", by_alias=True))
    response.status_code = status
    return response


def pick(model: type[M], row: Any) -> M:
    """What the model tells of a row."""
    return model(**{name: getattr(row, name) for name in model.model_fields})


def holdable(text: str) -> str:
    """The text without spaces around it. Raises ValueError for one that the database cannot hold."""
    if "\0" in text:
        raise ValueError("a text has no zero byte")
    return text.strip()
