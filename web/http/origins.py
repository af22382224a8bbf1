"""Cross-origin resource sharing: whose pages may read the grid by its API. No page of others gets a cookie of ours.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from http import HTTPStatus

from flask import Flask, Response, request

from web.http.clients import settings
from web.http.marks import has

_METHODS = {"GET", "HEAD", "POST"}
_SENT = "Authorization, Content-Type, If-None-Match"
_SEEN = "ETag, Link, Retry-After"
_DAY_S = 24 * 3600


def init_app(app: Flask) -> None:
    """Answer what browsers ask before they let a page ask, and say whose pages may read. Comes before the guard."""
    app.before_request(_preflight)
    app.after_request(_share)


def _preflight() -> Response | None:
    is_asked = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if not (is_asked and _is_shared() and _allowed()):
        return None
    methods = sorted(_METHODS & set((request.url_rule and request.url_rule.methods) or ()))
    answer = Response(status=HTTPStatus.NO_CONTENT)
    answer.headers["Access-Control-Allow-Methods"] = ", ".join(methods)
    answer.headers["Access-Control-Allow-Headers"] = _SENT
    answer.access_control_max_age = _DAY_S
    return answer


def _share(response: Response) -> Response:
    if settings().cors_origins and _is_shared():
        response.vary.add("Origin")
        if allowed := _allowed():
            response.access_control_allow_origin = allowed
            response.headers["Access-Control-Expose-Headers"] = _SEEN
    return response


def _allowed() -> str | None:
    """What to say of the asking page's origin; none where it may not read."""
    origins = settings().cors_origins.split()
    asking = request.headers.get("Origin")
    if asking is None:
        return None
    return "*" if "*" in origins else asking if asking in origins else None


def _is_shared() -> bool:
    return request.path.startswith(("/api/", "/openapi.json")) and has("reads_grid")
