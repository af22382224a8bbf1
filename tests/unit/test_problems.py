"""What is wrong with a value is said in plain words, whatever was given: no sentence of pydantic's, no Python."""

import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError
from pydantic_core._pydantic_core import list_all_errors

import web.settings
from jobs import catalogue
from jobs.grid.paths.query import PathQuery
from jobs.grid.query import QueryRefused
from jobs.problems import problems_of
from web import create_app

# Of pydantic's messages, their first words; and what only Python calls so.
_PYDANTIC = {" ".join(one["message_template_python"].partition("{")[0].split()[:3]) for one in list_all_errors()} - {""}
_PYTHON = re.compile(r"\b(None|True|False|int|str|bool|dict|tuple|NoneType|datetime|Error|codec|regex)\b")
NONSENSE: list[Any] = [
    *(None, True, 10**20, -1, 0.5, math.nan, "", "fine", "2024-13", "\0", "x" * 3_000),
    *([], [1], [[]], [None], [True], ["x"] * 2_000, {}, {"a": 1}, [{"type": "LineString"}]),
    [{"type": "LineString", "coordinates": [[1, 2], ["a", 999]]}],
]


def models() -> dict[str, type[BaseModel]]:
    """All that people and programs fill in: parameters of jobs, requests of the API, settings."""
    asked: dict[str, Any] = {"database_url": "postgresql://nobody@127.0.0.1/x", "redis_url": "redis://127.0.0.1"}
    app = create_app(web.settings.Settings(_env_file=None, **asked))
    specs = [getattr(view, "_spec", {}) for view in app.view_functions.values()]
    requests = [model for spec in specs for model, _ in spec.get("args") or ()]
    requests += [spec["body"] for spec in specs if isinstance(spec.get("body"), type)]
    found = [*(job.parameters for job in catalogue.load().values()), *requests, web.settings.Settings]
    return {f"{model.__module__}.{model.__name__}": model for model in found}


MODELS = models()


def problems(model: type[BaseModel], values: dict[str, Any]) -> dict[str, str]:
    try:
        model.model_validate(values)
    except ValidationError as error:
        return problems_of(model, error)
    except QueryRefused as error:
        return error.problems
    return {}


def names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield str(field.validation_alias or field.alias or name)


def is_plain(said: str) -> bool:
    told = said.partition(" (given: ")[0]
    return not _PYTHON.search(told) and not any(told.startswith(one) or f": {one}" in told for one in _PYDANTIC)


def test_the_words_that_are_looked_for_are_those_of_pydantic() -> None:
    assert {"Input should be", "Field required", "String should have"} <= _PYDANTIC
    assert not is_plain("Input should be a valid integer (given: '5')")
    assert not is_plain("is None")


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_nonsense_is_refused_in_plain_words(model: type[BaseModel]) -> None:
    for name in names(model):
        for value in NONSENSE:
            found = problems(model, {name: value})
            assert all(map(is_plain, found.values())), found
            assert not any(re.search(r"[\[(]", field.replace("(all)", "")) for field in found), found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_is_given_is_refused_in_plain_words(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from([one for one in MODELS.values() if one is not web.settings.Settings]))
    values = data.draw(st.dictionaries(st.sampled_from([*names(model), "moon"]), JSON))
    found = problems(model, values)
    assert all(map(is_plain, found.values())), found


class Order(BaseModel):
    """A bit of everything."""

    count: Annotated[int, Field(ge=1, le=60)] = 1
    share: Annotated[float, Field(ge=0)] = 0
    size: Literal["small", "large"] = "small"
    tags: Annotated[list[Annotated[str, Field(max_length=3)]], Field(max_length=2)] = []
    many: Annotated[int, Field(ge=1)] | Literal["all"] = "all"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": 99}, {"count": "must be a whole number from 1 to 60 (given: 99)"}),
        ({"count": "many"}, {"count": "must be a whole number from 1 to 60 (given: many)"}),
        ({"count": None}, {"count": "must be a whole number from 1 to 60 (given: null)"}),
        ({"count": ""}, {"count": 'must be a whole number from 1 to 60 (given: "")'}),
        ({"share": -0.5}, {"share": "must be a number of 0 or more (given: -0.5)"}),
        ({"size": "huge"}, {"size": "must be one of small, large (given: huge)"}),
        ({"tags": ["a", "b", "c"]}, {"tags": 'must be a list of at most 2 values (given: ["a", "b", "c"])'}),
        ({"tags": ["long"]}, {"tags.0": "must be text of at most 3 characters (given: long)"}),
        ({"many": 0}, {"many": "must be a whole number of 1 or more, or all (given: 0)"}),
    ],
)
def test_it_says_what_was_expected_and_what_was_given(values: dict[str, Any], said: dict[str, str]) -> None:
    assert problems(Order, values) == said


def test_of_a_union_the_member_that_was_nearly_met_is_told() -> None:
    lines = [{"type": "LineString", "coordinates": [[1, 2], [3]]}]
    assert problems(PathQuery, {"paths": lines}) == {
        "paths.0.coordinates.1": "must be a list of 2 to 3 values (given: [3])"
    }
    assert problems(PathQuery, {"paths": [5]}) == {
        "paths.0": "must be an object, or text of at least 1 character (given: 5)"
    }


def test_what_is_secret_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        Order.model_validate({"size": "hunter2"})
    assert problems_of(Order, caught.value, secret=["size"]) == {"size": "must be one of small, large"}
    assert problems_of(Order, caught.value, with_given=False) == {"size": "must be one of small, large"}
