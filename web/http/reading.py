"""What cannot be read as it was meant is refused before any view: JSON in name only, parameters given twice."""

import json
from typing import Any, Final

from flask import Flask, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from web.http.errors import Problem, respond
from web.http.marks import View, has, mark

LARGEST_FILE: Final = 8 * 2**20
"""Bytes of a request that brings a file. The border of a district in full detail has 5 MB."""
GIVEN_TWICE = "must be given only once"


class _Readable(DefaultJSONProvider):
    """JSON that can be worked with."""

    # Responses name things in the order in which the code does.
    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """The value. Raises ValueError, also for nesting that has no end and for texts that are none."""
        # Python would read UTF-16 and UTF-32 too, which what stands before us may take for something else.
        text = s.decode() if isinstance(s, bytes) else s
        try:
            value = super().loads(text, object_pairs_hook=_without_twins, **kwargs)
            # Half a surrogate pair can be put in neither a row nor a response.
            json.dumps(value, ensure_ascii=False).encode()
        except RecursionError:
            raise ValueError("it is nested too deep") from None
        return value


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object. Raises ValueError for a name given twice, of which readers take the first or the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twin} is given twice")
    return found


def given_twice(given: MultiDict[str, str]) -> dict[str, str]:
    """What is wrong with the parameters that come more than once."""
    return {name: GIVEN_TWICE for name, values in given.lists() if len(values) > 1}


def takes_file(view: View) -> View:
    """Mark a view whose request may be larger than others."""
    return mark(view, "takes_file")


def init_app(app: Flask) -> None:
    """Read JSON so, and queries of programs."""
    app.json = _Readable(app)
    # Before whatever comes before a request: the guard reads forms.
    app.url_value_preprocessor(_allow_files)
    app.before_request(_once)
    app.before_request(_in_utf8)


def _allow_files(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    if has("takes_file"):
        request.max_content_length = request.max_form_memory_size = LARGEST_FILE


def _once() -> Response | None:
    """Of a parameter that is given twice, one value would be left out silently."""
    errors = given_twice(request.args)
    if not errors or not request.path.startswith("/api/"):
        return None
    return respond(Problem(422, "; ".join(f"{name}: {said}" for name, said in errors.items()), errors))


def _in_utf8() -> Response | None:
    """A body of another encoding would be read as what it is not."""
    # Most requests have none, and parsing a header takes its time.
    if not request.content_type:
        return None
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() in ("utf-8", "utf8", "us-ascii"):
        return None
    return respond(Problem(415, f"The body is in {charset}: send UTF-8."))
