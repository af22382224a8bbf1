"""The API's reference as a page, made from its OpenAPI document."""

import json
from typing import Any

from flask import Blueprint, Flask, render_template
from flask.typing import ResponseReturnValue

from web.openapi import document
from web.people import guard

bp = Blueprint("reference", __name__)


def init_app(app: Flask) -> None:
    """Add the page."""
    app.jinja_env.filters["kind"] = kind
    app.register_blueprint(bp)


@bp.get("/docs")
@guard.reads_grid
def index() -> ResponseReturnValue:
    """Every operation, its parameters and responses."""
    spec = document.document()
    operations = [
        {"path": path, "method": method.upper(), **operation}
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
    ]
    tags = dict.fromkeys(tag for operation in operations for tag in operation["tags"])
    grouped = {tag: [one for one in operations if tag in one["tags"]] for tag in tags}
    # Whichever job it is, its request looks like this.
    example = next(one["path"] for one in operations if one["tags"] == ["Jobs"])
    return render_template("openapi/index.html", spec=spec, grouped=grouped, example=example)


def kind(schema: dict[str, Any]) -> str:
    """A JSON schema in a few words: `integer, 1 to 60, default 12`."""
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    words = [" or ".join(str(one.get("type", "any")) for one in options)]
    for one in options:
        if "enum" in one:
            words.append("one of " + ", ".join(map(str, one["enum"])))
        if "minimum" in one and "maximum" in one:
            words.append(f"{one['minimum']} to {one['maximum']}")
    if schema.get("default") is not None:
        words.append(f"default {json.dumps(schema['default'])}")
    return ", ".join(words)
