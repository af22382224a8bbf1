"""A cached answer of the API beside a bare Flask route that returns the same bytes."""

from collections.abc import Mapping

from bench import served
from bench.harness import Ratio
from worker.settings import Settings

ROUNDS, REQUESTS = 9, 300


def ratio(settings: Settings, name: str, path: str, goal: float, headers: Mapping[str, str] | None = None) -> Ratio:
    """With all that the app does for a request."""
    asked = {"Authorization": f"Bearer {served.TOKEN}", **(headers or {})}
    with served.ours(settings, asked) as app:
        # Asked once, it is kept.
        app.once(path)
        body = app.once(path)
        with served.bare(body, asked) as other:
            mine, theirs = served.in_turns(app, other, path, ROUNDS, REQUESTS)
        if app.once(path) != body:
            raise RuntimeError("The route does not return the bytes that are kept")
    detail = (
        f"{mine * 1e6:.0f} us beside {theirs * 1e6:.0f} us, {len(body) / 1024:.0f} kB, "
        f"median of {ROUNDS} x {REQUESTS} requests"
    )
    return Ratio(name, mine / theirs, "x", goal, "lower", detail)
