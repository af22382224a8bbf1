"""The generations of the grid as JSON."""

import datetime as dt

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import Field

from jobs.grid import generations
from jobs.grid.generations import GenerationRefused
from web.generations import changes
from web.http.clients import client
from web.http.errors import Problem, respond
from web.http.schemas import Schema, as_json, from_row

bp = APIBlueprint("generations_api", __name__, url_prefix="/api/v1/admin/grid", tag="Administration")


class Generation(Schema):
    """A generation of the grid that is kept."""

    generation: int
    made_at: dt.datetime
    is_published: bool = Field(description="Whether readers see it")
    restores: int | None = Field(description="The earlier generation that was published again as this one")
    areas: list[str] = Field(description="The areas at that time")
    months: int
    oldest: dt.date | None
    newest: dt.date | None
    cells: int
    crimes: int


class Generations(Schema):
    """The generations that are kept, newest first."""

    generations: list[Generation]
    paused: str | None = Field(description="Since when and by whom rebuilds are paused; null if they are not")


class Publishing(Schema):
    """The run that publishes the generation."""

    task_id: str


class Resumed(Schema):
    """What became of the pause."""

    changed: bool = Field(description="Whether rebuilds were paused")
    task_ids: list[str] = Field(description="Of the runs that rebuild the months that changed meanwhile")


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_error_handler(GenerationRefused, lambda error: respond(Problem(409, str(error))))
    app.register_blueprint(bp)


@bp.get("/generations")
@bp.output(Generations)
@bp.doc(summary="List the generations of the grid that are kept", operation_id="listGenerations")
def every() -> Response:
    """The generations."""
    with client().engine.begin() as connection:
        found, paused = generations.kept(connection), generations.pause(connection)
    return as_json(
        Generations(
            generations=[from_row(Generation, row) for row in found],
            paused=generations.said(paused) if paused else None,
        )
    )


@bp.post("/generations/<int(max=9007199254740992):generation>/publish")
@bp.output(Publishing, status_code=202)
@bp.doc(summary="Publish an earlier generation again, and pause rebuilds", operation_id="publishGeneration")
def publish(generation: int) -> Response:
    """Ask for the publication."""
    return as_json(Publishing(task_id=changes.publish(generation, "api")), 202)


@bp.post("/resume")
@bp.output(Resumed)
@bp.doc(summary="Resume rebuilds of the grid", operation_id="resumeRebuilds")
def resume() -> Response:
    """Resume rebuilds."""
    done = changes.resume("api")
    return as_json(Resumed(changed=done.was_paused, task_ids=list(done.run_ids)))
