"""The areas: what is held of each; adding one, changing its border, deleting it."""

from collections.abc import Callable, Sequence
from functools import partial

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded

from jobs.areas import Area
from jobs.boundaries import files
from jobs.boundaries.drawing import Drawing
from jobs.settings import Box, parse_box
from web.areas import changes, store, wanted
from web.areas.changes import NotConfirmed
from web.areas.store import known_area
from web.areas.wanted import AreaRefused
from web.http.clients import client
from web.http.errors import respond, too_many, wants_problem
from web.http.reading import takes_file
from web.people import guard

# Characters of an uploaded border that a refused form shows again: browsers do not send a file twice.
KEPT = 300_000
_FIELDS = ("slug", "name", "forces", "box", "border")

bp = Blueprint("areas", __name__, url_prefix="/areas")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Every area, and a form for another."""
    return _index({}, {})


@bp.post("/")
@takes_file
def add() -> ResponseReturnValue:
    """Add an area."""
    given, file = _given()
    try:
        area, notes = _drawn(given["slug"], given["name"], given["forces"].replace(",", " ").split(), given, file)
        changes.add(area)
    except AreaRefused as error:
        return _index(_kept(given, file), error.problems), 422
    _say(notes)
    flash(f"The area {area.name} is added. Its months are ingested with the next ingestion.")
    return redirect(url_for("areas.index"), 303)


@bp.get("/<slug>/border")
@guard.for_operators
def border(slug: str) -> ResponseReturnValue:
    """The form for another border."""
    return _border(slug, {}, {})


@bp.post("/<slug>/border")
@takes_file
def move(slug: str) -> ResponseReturnValue:
    """Change the border of an area; where crimes are deleted, ask before it."""
    given, file = _given()
    with client().engine.begin() as connection:
        held = known_area(connection, slug)
    try:
        area, notes = _drawn(held.slug, held.name, held.forces, given, file)
        done = changes.move(area, _confirmed(), "form")
    except AreaRefused as error:
        return _border(slug, _kept(given, file), error.problems), 422
    except NotConfirmed as error:
        return _border(slug, _kept(given, file), {}, lost=error.loss.crimes), 409
    _say(notes)
    flash(
        f"The area {area.name} has the new border. {_deleted(done.loss.crimes)} The land that it adds is ingested "
        "with the next ingestion."
    )
    return redirect(url_for("areas.index"), 303)


@bp.get("/<slug>/delete")
@guard.for_operators
def confirm(slug: str) -> ResponseReturnValue:
    """What would be deleted with an area."""
    area, loss = changes.lost_by_removing(slug)
    return render_template("areas/delete.html", area=area, loss=loss)


@bp.post("/<slug>/delete")
def remove(slug: str) -> ResponseReturnValue:
    """Delete an area."""
    try:
        done = changes.remove(slug, _confirmed(), "form")
    except NotConfirmed as error:
        area, _ = changes.lost_by_removing(slug)
        return render_template("areas/delete.html", area=area, loss=error.loss, is_changed=True), 409
    flash(f"The area {done.area.name} is deleted. {_deleted(done.loss.crimes)}")
    return redirect(url_for("areas.index"), 303)


@bp.errorhandler(RateLimitExceeded)
def refuse(error: RateLimitExceeded) -> ResponseReturnValue:
    """A form that was sent too often keeps its values."""
    problem = too_many(error)
    if wants_problem() or request.endpoint == "areas.remove":
        return respond(problem)
    flash(problem.detail)
    kept, slug = _kept(*_given()), (request.view_args or {}).get("slug")
    page = _border(slug, kept, {}) if slug else _index(kept, {})
    return page, problem.status, problem.headers


def _index(given: dict[str, str], problems: dict[str, str]) -> str:
    with client().engine.connect() as connection:
        listed = store.listed(connection)
    return render_template("areas/index.html", areas=listed, given=given, problems=problems)


def _border(slug: str, given: dict[str, str], problems: dict[str, str], lost: int = 0) -> str:
    with client().engine.begin() as connection:
        area = known_area(connection, slug)
    return render_template("areas/border.html", area=area, given=given, problems=problems, lost=lost)


def _given() -> tuple[dict[str, str], bytes]:
    """The form's texts, and the content of its file."""
    file = request.files.get("file")
    return {name: request.form.get(name, "").strip() for name in _FIELDS}, file.read() if file else b""


def _kept(given: dict[str, str], file: bytes) -> dict[str, str]:
    """What the form shows again."""
    text = file.decode(errors="replace") if file else given["border"]
    return {**given, "border": text} if len(text) <= KEPT else {**given, "border": "", "again": "1"}


def _drawn(
    slug: str, name: str, forces: Sequence[str], given: dict[str, str], file: bytes
) -> tuple[Area, tuple[str, ...]]:
    if file and given["border"]:
        raise AreaRefused({"border": "must be a file or the text of a file, not both"})
    drawings: Callable[[], Sequence[Drawing]] | None = None
    if file or given["border"]:
        drawings = partial(files.drawings, file or given["border"].encode())
    return wanted.area(slug, name, forces, _box(given["box"]), drawings)


def _box(text: str) -> Box | None:
    try:
        box: Box | None = parse_box(text) if text else None
    except ValueError as error:
        raise AreaRefused({"box": str(error)}) from None
    return box


def _confirmed() -> int:
    """The number of crimes on the button that was pressed."""
    text = request.form.get("confirm", "0")
    return int(text) if text.isdecimal() and len(text) < 19 else -1


def _say(notes: Sequence[str]) -> None:
    for note in notes:
        flash(f"Note on the border: {note}.")


def _deleted(crimes: int) -> str:
    return f"{crimes:,} crimes were deleted with it." if crimes else "No crimes were deleted."
