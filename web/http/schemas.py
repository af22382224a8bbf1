"""What the schemas of the JSON API share."""

from typing import Annotated, Any, TypeVar

from flask import Response, jsonify
from pydantic import BaseModel, ConfigDict, Field

M = TypeVar("M", bound=BaseModel)


class Schema(BaseModel):
    """A request or response: nothing beside what is declared."""

    model_config = ConfigDict(extra="forbid")


PageSize = Annotated[int, Field(ge=1, le=500)]
"""How many entries a list has: so many are a response of a few hundred KB."""


class Changed(Schema):
    """Whether something changed."""

    changed: bool


def as_json(body: BaseModel, status: int = 200) -> Response:
    """The response with that body."""
    response = jsonify(body.model_dump(mode="json", by_alias=True))
    response.status_code = status
    return response


def from_row(model: type[M], row: Any) -> M:
    """The model, filled with the attributes of a row that have the names of its fields."""
    return model(**{name: getattr(row, name) for name in model.model_fields})


def storable(text: str) -> str:
    """The text without spaces around it. Raises ValueError for one that PostgreSQL cannot store."""
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text.strip()
