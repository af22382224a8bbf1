"""What is read of the grid has an ETag: who asks again with If-None-Match is told that nothing has changed."""

from flask import Flask, Response, request

from web.http.marks import has


def init_app(app: Flask) -> None:
    """Before the headers that are set where none is."""
    app.after_request(_tag)


def _tag(response: Response) -> Response:
    is_read = request.method in ("GET", "HEAD") and request.path.startswith("/api/") and has("reads_grid")
    # A file that is sent as it is read is not held.
    if is_read and response.status_code == 200 and not response.is_streamed:
        # Those of the grid know their version, and are not put together to be compared.
        if response.get_etag() == (None, None):
            response.add_etag(weak=True)
            response.headers["Cache-Control"] = "private, no-cache"
        response.make_conditional(request)
    return response
