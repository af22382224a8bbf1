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
    """A subscriber of events."""

    id: int
    name: str
    host: str = Field(description="Host of its address; the rest is not shown")
    kinds: list[Kind]
    created_by: str
    created_at: dt.datetime
    last_number: int = Field(description="`sequence` of its newest event")
    untaken: int = Field(description="Events that are not delivered yet")
    last_taken: dt.datetime | None
    is_refusing: bool = Field(description="Whether the last delivery failed")


class Subscribers(Schema):
    """All of them."""

    subscribers: list[Subscriber]


class NewSubscriber(Schema):
    """A subscriber to add."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    url: str = Field(max_length=LONGEST_URL, description="An https address; http only on this machine")
    kinds: list[Kind] = Field(min_length=1)
    secret: str = Field("", max_length=200, description="Secret that signs the events. Default: a new one is made")


class MadeSubscriber(Schema):
    """A subscriber and its secret, which is shown only in this response."""

    id: int
    secret: str


class NewSecret(Schema):
    """A new secret. It is shown only in this response."""

    secret: str


class Delivery(Schema):
    """An event for a subscriber."""

    number: int = Field(description="`sequence` of the event")
    event: str = Field(description="`id` of the event")
    kind: Kind
    at: dt.datetime
    taken_at: dt.datetime | None
    task_id: str | None = Field(description="The task that delivers it; null while earlier events wait")
    state: str | None = Field(description="State of the task, if it is still recorded")


class Deliveries(Schema):
    """The events for a subscriber, newest first."""

    deliveries: list[Delivery]
    next: int | None


class DeliveriesQuery(Schema):
    """Which deliveries."""

    limit: PageSize = 50
    before: int | None = Field(
        None, ge=1, le=2**62, description="Only older entries: the value of `next` from the previous page"
    )


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


@bp.get("/subscribers")
@bp.output(Subscribers)
@bp.doc(summary="List the subscribers", operation_id="listSubscribers")
@guard.for_operators
def subscribers() -> Response:
    """The subscribers."""
    return as_json(Subscribers(subscribers=[from_row(Subscriber, one) for one in store.every()]))


@bp.post("/subscribers")
@bp.input(NewSubscriber, arg_name="wanted")
@bp.output(MadeSubscriber, status_code=201)
@bp.doc(summary="Add a subscriber. Its secret is shown only in this response", operation_id="addSubscriber")
def add(wanted: NewSubscriber) -> Response:
    """A new subscriber."""
    made, secret = changes.add(wanted.name, wanted.url, wanted.kinds, wanted.secret)
    return as_json(MadeSubscriber(id=made, secret=secret), 201)


@bp.delete("/subscribers/<int(max=4611686018427387904):subscriber_id>")
@bp.output(Changed)
@bp.doc(summary="Delete a subscriber. Its pending deliveries are cancelled", operation_id="removeSubscriber")
def remove(subscriber_id: int) -> Response:
    """Delete one."""
    changes.remove(subscriber_id)
    return as_json(Changed(changed=True))


@bp.post("/subscribers/<int(max=4611686018427387904):subscriber_id>/secret")
@bp.output(NewSecret)
@bp.doc(summary="Make a new secret. It is shown only in this response", operation_id="renewSecret")
def renew_secret(subscriber_id: int) -> Response:
    """A new secret."""
    return as_json(NewSecret(secret=changes.renew_secret(subscriber_id)))


@bp.get("/subscribers/<int(max=4611686018427387904):subscriber_id>/deliveries")
@bp.input(DeliveriesQuery, location="query", arg_name="wanted")
@bp.output(Deliveries)
@bp.doc(summary="List the events for a subscriber, newest first", operation_id="listDeliveries")
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
