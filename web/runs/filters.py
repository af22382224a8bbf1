"""Which runs are wanted, as an address says it; and the place in a list at which its next page begins."""

import datetime as dt
from collections.abc import Mapping

from flask import abort

from jobs import catalogue
from jobs.models.runs import STATES
from web.http.schemas import storable
from web.runs.store import RunFilter

NAMES = ("q", "state", "job", "queue", "by", "from", "to")
# All that have not ended.
OPEN = "open"


def wanted(given: Mapping[str, str]) -> RunFilter:
    """The filter of an address; 404 for a state that is none, 422 for a day that is none."""
    state, job = given.get("state", ""), given.get("job", "")
    if state and state not in (*STATES, OPEN):
        abort(404, f"There is no state {state}. States: {', '.join(STATES)}")
    until = _day(given.get("to", ""))
    return RunFilter(
        state=state,
        job=catalogue.find(job).name if job else "",
        queue=text_of(given.get("queue", "")),
        who=text_of(given.get("by", "")),
        search=text_of(given.get("q", "")),
        since=_day(given.get("from", "")),
        until=until + dt.timedelta(days=1) if until else None,
    )


def given(values: Mapping[str, str]) -> dict[str, str]:
    """The part of an address that is the filter, without what is empty."""
    return {name: values[name] for name in NAMES if values.get(name)}


def cursor(moment: dt.datetime, run_id: str) -> str:
    """Where the next page begins: after this run."""
    return f"{moment.isoformat()}_{run_id}"


def position(text: str) -> tuple[dt.datetime, str] | None:
    """What `cursor` wrote; 422 for anything else."""
    if not text:
        return None
    moment, _, run_id = text.partition("_")
    try:
        # A plus that an address carries unescaped arrives as a space.
        return dt.datetime.fromisoformat(moment.replace(" ", "+")).astimezone(dt.UTC), text_of(run_id)
    except (ValueError, OverflowError):
        abort(422, f"{text} is not a position in this list. Use the value of `next` from a response")


def _day(text: str) -> dt.datetime | None:
    if not text:
        return None
    try:
        return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC)
    except ValueError:
        abort(422, f"{text} is not a date (YYYY-MM-DD)")


def text_of(text: str) -> str:
    """A text to search for; 422 for one that the database cannot hold."""
    try:
        return storable(text)
    except ValueError as error:
        abort(422, str(error))
