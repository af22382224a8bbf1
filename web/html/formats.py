"""How pages write times, durations, jobs and cadences."""

import datetime as dt
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from flask import Flask, current_app, url_for
from flask_login import current_user
from markupsafe import Markup, escape
from sqlalchemy import Row

from jobs import catalogue
from jobs.months import months_text
from worker import transport

NOTHING = "\N{EN DASH}"
_SPELLED = {"h3": "H3"}
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_ENDINGS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
_CRON = re.compile(r"(\d+) (\d+|\*/\d+) (\d+|\*) \* (\d|\*)")


def init_app(app: Flask) -> None:
    """Give the templates these filters, and `asset` for static files."""
    app.jinja_env.filters.update(
        ago=ago,
        cadence=cadence,
        code=code,
        duration=duration,
        month=month,
        months=months_text,
        number=number,
        pretty=pretty,
        span=span,
        time=time,
        title_of=title_of,
    )
    app.jinja_env.globals.update(
        asset=_assets(Path(str(app.static_folder))),
        call_of=call_of,
        given=given,
        pages=pages,
        remedy=catalogue.remedy,
        scalars=scalars,
        took=took,
    )


_PAGES = (
    ("overview.index", "Overview"),
    ("jobs.index", "Jobs"),
    ("runs.index", "Runs"),
    ("schedule.index", "Schedule"),
    ("queues.index", "Queues"),
    ("data.index", "Data"),
    ("areas.index", "Areas"),
    ("grid.index", "Map"),
    ("scores.index", "Scores"),
    ("people.index", "People"),
    ("reference.index", "API"),
    ("rq_dashboard.queues_overview", "RQ"),
)


def pages() -> list[tuple[str, str]]:
    """The pages that whoever is signed in may open: endpoint and label."""
    views = current_app.view_functions
    shut = () if getattr(current_user, "is_operator", False) else ("for_operators",)
    there = [page for page in _PAGES if page[0] in views]
    return [page for page in there if not any(getattr(views[page[0]], mark, False) for mark in shut)]


def title_of(name: str) -> str:
    """rebuild_safety_grid as `Rebuild safety grid`."""
    words = " ".join(_SPELLED.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:]


def call_of(run: Row[Any]) -> str:
    """What the run does, as people would write the call."""
    return f"{run.job}({given(run)})"


def given(run: Row[Any]) -> str:
    """The parameters of the run in the order of its job's declaration, which the database does not keep."""
    declared = catalogue.load().get(run.job)
    order = list(declared.parameters.model_fields) if declared else []
    names = sorted(run.parameters, key=lambda name: order.index(name) if name in order else len(order))
    return transport.describe("", {name: run.parameters[name] for name in names})[1:-1]


def time(moment: dt.datetime | None, form: str = "%-d %b %Y, %H:%M:%S UTC") -> Markup | str:
    """A `<time>` in UTC."""
    if moment is None:
        return NOTHING
    utc = moment.astimezone(dt.UTC)
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(timespec="seconds"), utc.strftime(form))


def ago(moment: dt.datetime, now: dt.datetime | None = None) -> str:
    """How long before or after now, roughly: `3 h ago`, `in 2 days`."""
    seconds = ((now or dt.datetime.now(dt.UTC)) - moment).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def span(seconds: float) -> str:
    """One number and its unit: `40 s`, `12 min`, `3 h`, `2 days`."""
    # To 90 s, 90 min and 36 h: until two of the next unit say nearly the same.
    for unit, length, most in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 36)):
        if seconds < most * length:
            return f"{round(seconds / length)} {unit}"
    return f"{round(seconds / 86400)} days"


def month(day: dt.date) -> str:
    """2024-05 as `May 2024`."""
    return f"{day:%b %Y}"


def number(value: float) -> str:
    """12,345"""
    return f"{value:,.0f}"


def counted(count: int, noun: str) -> str:
    """1 run, 3 runs."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """0.42 s, 12 s, 3 min 05 s, 2 h 10 min."""
    if seconds is None:
        return NOTHING
    # From there on it would be rounded to 10.0.
    if seconds < 9.95:
        return f"{max(seconds, 0):.2g} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left:02} min" if hours else f"{minutes} min {rest:02} s"


def took(one: Row[Any]) -> float | None:
    """Seconds that a run or an attempt has been at work, until now if it still is; none if it has not begun."""
    if one.started_at is None:
        return None
    until: dt.datetime = one.ended_at or dt.datetime.now(dt.UTC)
    return float((until - one.started_at).total_seconds())


def cadence(cron: str | None) -> str:
    """A cron string in words where it is one of the plain kinds, else as it is."""
    if cron is None:
        return "on demand"
    match = _CRON.fullmatch(cron)
    if match is None:
        return f"{cron} UTC"
    minute, hour, day, weekday = match.groups()
    if hour.startswith("*/"):
        return f"every {hour[2:]} hours"
    at = f"{int(hour):02}:{int(minute):02} UTC"
    if day != "*":
        return f"monthly on the {day}{_ENDINGS.get(int(day), 'th')}, {at}"
    return f"{_DAYS[int(weekday) % 7]}s, {at}" if weekday != "*" else f"daily, {at}"


def code(text: str) -> Markup:
    """Text with its `backticks` as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def scalars(part: Any) -> list[str]:
    """The plain values of an object, by which people tell it from others."""
    values = part.values() if isinstance(part, dict) else [part]
    return [str(value) for value in values if isinstance(value, str | int | float)]


def pretty(value: Any) -> str:
    """JSON for people to read."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _assets(folder: Path) -> Any:
    """URLs that change with their file, so that browsers may keep them."""
    files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
    marks = {name: hashlib.sha256(file.read_bytes()).hexdigest()[:8] for name, file in files.items()}
    return lambda name: url_for("static", filename=name, v=marks[name])
