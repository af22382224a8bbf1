"""Subscribers of events as JSON."""

import datetime as dt
from typing import Literal

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import Field

from web.http.schemas import Changed, PageSize, Schema, as_json, from_row
from web.people import guard
from web.subscribers import changes, store
from worker.events.subscribers import LONGEST_NAME, LONGEST_URL

bp = APIBlueprint("subscribers_api", __name__, url_prefix="/api/v1/admin", tag="Administration")

Kind = Literal["month_ingested", "month_revised", "grid_published", "scores_warmed", "run_ended"]


class Subscriber(Schema):
    """Somebody who is told of events."""

    id: int
    name: str
    host: str = Field(description="Of its address, of which the rest is not shown")
    kinds: list[Kind]
    created_by: str
    created_at: dt.datetime
    last_number: int = Field(description="`sequence` of the newest event that there is for it")
    untaken: int = Field(description="Events that it has not taken so far")
    last_taken: dt.datetime | None
    is_refusing: bool = Field(description="Whether the last try to send it something failed")


class Subscribers(Schema):
    """All of them."""

    subscribers: list[Subscriber]


class NewSubscriber(Schema):
    """Somebody to tell."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    url: str = Field(max_length=LONGEST_URL, description="https, or http on this machine itself")
    kinds: list[Kind] = Field(min_length=1)
    secret: str = Field("", max_length=200, description="Signs what is sent; one is made when it is left out")


class MadeSubscriber(Schema):
    """A subscriber and its secret: only this response has it."""

    id: int
    secret: str


class NewSecret(Schema):
    """A secret: only this response has it."""

    secret: str


class Delivery(Schema):
    """An event for a subscriber."""

    number: int = Field(description="`sequence` of what is sent")
    event: str = Field(description="`id` of what is sent")
    kind: Kind
    at: dt.datetime
    taken_at: dt.datetime | None
    task_id: str | None = Field(description="The task that sends it; none until it is its turn")
    state: str | None = Field(description="That of the task, where the ledger still has it")


class Deliveries(Schema):
    """What was and is to be sent, newest first."""

    deliveries: list[Delivery]
    next: int | None


class DeliveriesQuery(Schema):
    """Which deliveries."""

    limit: PageSize = 50
    before: int | None = Field(None, ge=1, le=2**62, description="Only older ones: `next` of the page before")


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


@bp.get("/subscribers")
@bp.output(Subscribers)
@bp.doc(summary="Who is told of events", operation_id="listSubscribers")
@guard.for_operators
def subscribers() -> Response:
    """The subscribers."""
    return as_json(Subscribers(subscribers=[from_row(Subscriber, one) for one in store.every()]))


@bp.post("/subscribers")
@bp.input(NewSubscriber, arg_name="wanted")
@bp.output(MadeSubscriber, status_code=201)
@bp.doc(summary="Tell somebody of events from now on; only this response has the secret", operation_id="addSubscriber")
def add(wanted: NewSubscriber) -> Response:
    """A new subscriber."""
    made, secret = changes.add(wanted.name, wanted.url, wanted.kinds, wanted.secret)
    return as_json(MadeSubscriber(id=made, secret=secret), 201)


@bp.delete("/subscribers/<int(max=4611686018427387904):subscriber_id>")
@bp.output(Changed)
@bp.doc(summary="Delete a subscriber; what was still to be sent is cancelled", operation_id="removeSubscriber")
def remove(subscriber_id: int) -> Response:
    """Delete one."""
    changes.remove(subscriber_id)
    return as_json(Changed(changed=True))


@bp.post("/subscribers/<int(max=4611686018427387904):subscriber_id>/secret")
@bp.output(NewSecret)
@bp.doc(summary="Make a new secret in place of the old; only this response has it", operation_id="renewSecret")
def renew_secret(subscriber_id: int) -> Response:
    """A new secret."""
    return as_json(NewSecret(secret=changes.renew_secret(subscriber_id)))


@bp.get("/subscribers/<int(max=4611686018427387904):subscriber_id>/deliveries")
@bp.input(DeliveriesQuery, location="query", arg_name="wanted")
@bp.output(Deliveries)
@bp.doc(summary="What was and is to be sent to a subscriber, newest first", operation_id="listDeliveries")
@guard.for_operators
def deliveries(subscriber_id: int, wanted: DeliveriesQuery) -> Response:
    """What was sent."""
    found = store.sent(subscriber_id, wanted.limit + 1, wanted.before)
    shown = [
        Delivery(
            number=row.number,
            event=row.key,
            kind=row.kind,
            at=row.at,
            taken_at=row.taken_at,
            task_id=row.run_id,
            state=row.state,
        )
        for row in found[: wanted.limit]
    ]
    return as_json(Deliveries(deliveries=shown, next=shown[-1].number if len(found) > len(shown) else None))
