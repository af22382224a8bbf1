"""Findings as JSON."""

import datetime as dt

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import Field

from web.findings import changes, store
from web.http.clients import client
from web.http.schemas import Changed, Schema, as_json, from_row
from worker.findings.kinds import Severity

bp = APIBlueprint("findings_api", __name__, url_prefix="/api/v1/admin", tag="Administration")

# A quarter of a year.
LONGEST_MIN = 90 * 24 * 60


class Finding(Schema):
    """Something that is wrong now."""

    id: int | None = Field(description="Null while PostgreSQL cannot store it")
    kind: str
    subject: str = Field(description="What it is about. At most one finding of a kind and subject is open")
    severity: Severity
    cause: str
    remedy: str
    link: str | None = Field(description="`run:ID`, `job:SLUG`, or a page of the admin")
    since: dt.datetime
    last_seen: dt.datetime
    acknowledged_by: str | None
    acknowledged_until: dt.datetime | None
    is_acknowledged: bool


class Findings(Schema):
    """All findings, the worst first."""

    findings: list[Finding]


class Acknowledgement(Schema):
    """How long the finding stays acknowledged."""

    minutes: int | None = Field(
        None, ge=1, le=LONGEST_MIN, description="Minutes. Default: until the finding is resolved"
    )


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


@bp.get("/findings")
@bp.output(Findings)
@bp.doc(summary="List the findings: what is wrong now, with cause and remedy", operation_id="listFindings")
def findings() -> Response:
    """The findings."""
    with client().engine.connect() as connection:
        found = store.current(connection)
    return as_json(Findings(findings=[from_row(Finding, one) for one in found]))


@bp.post("/findings/<int(max=4611686018427387904):finding_id>/acknowledge")
@bp.input(Acknowledgement, arg_name="wanted")
@bp.output(Changed)
@bp.doc(
    summary="Acknowledge a finding: no more alerts about it; a failed run counts as settled",
    operation_id="acknowledgeFinding",
)
def acknowledge(finding_id: int, wanted: Acknowledgement) -> Response:
    """Acknowledge one."""
    changes.acknowledge(finding_id, wanted.minutes)
    return as_json(Changed(changed=True))


@bp.delete("/findings/<int(max=4611686018427387904):finding_id>/acknowledge")
@bp.output(Changed)
@bp.doc(summary="Undo an acknowledgement", operation_id="takeBackFinding")
def take_back(finding_id: int) -> Response:
    """It counts again."""
    return as_json(Changed(changed=changes.take_back(finding_id)))
