"""Bodies that are JSON in name only: refused where they are read, for every view."""

import json
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider


class _Readable(DefaultJSONProvider):
    """JSON that can be worked with."""

    # Answers tell the things in the order in which the code does.
    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """The value. Raises ValueError, also for nesting that has no end and for texts that are none."""
        try:
            value = super().loads(s, **kwargs)
            # Half a surrogate pair can be put in neither a row nor an answer.
            json.dumps(value, ensure_ascii=False).encode()
        except RecursionError:
            raise ValueError("nested too deep") from None
        return value


def init_app(app: Flask) -> None:
    """Read JSON so."""
    app.json = _Readable(app)
