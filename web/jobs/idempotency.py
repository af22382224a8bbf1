"""`Idempotency-Key`: a program that asks twice with one key, because a response was lost, gets one task.

Responses are held for a day in Redis. With Redis away equal requests still coalesce while their run is open.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from flask import request
from redis import RedisError
from werkzeug.exceptions import UnprocessableEntity

from web.http.clients import client
from web.people import guard
from worker.ledger import Submission

log = structlog.get_logger("safegrid.web")

HEADER = "Idempotency-Key"
TTL_S = 24 * 3600
# That of Stripe's API, by which clients make their keys.
LONGEST_KEY = 255


def once(asked: Mapping[str, Any], submit: Callable[[], Submission]) -> Submission:
    """What `submit` returns; for a key that was used before, what it returned then.

    Raises UnprocessableEntity for a key that was used for another request, or that is none.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return submit()
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise UnprocessableEntity(f"{HEADER} has 1 to {LONGEST_KEY} printable characters")
    fingerprint = _digest(json.dumps(asked, sort_keys=True))
    name = f"safegrid:idempotency:{_digest(guard.signed_in().key + chr(0) + key)}"
    return _known(name, fingerprint) or _keep(name, fingerprint, submit())


def _known(name: str, fingerprint: str) -> Submission | None:
    try:
        stored = client().redis.get(name)
    except RedisError as error:
        log.warning("idempotency_is_away", error=type(error).__name__)
        return None
    if stored is None:
        return None
    known = json.loads(stored)
    if known["fingerprint"] != fingerprint:
        raise UnprocessableEntity(f"This {HEADER} was used for another request: take a new one")
    return Submission(known["task_id"], is_new=False)


def _keep(name: str, fingerprint: str, submission: Submission) -> Submission:
    document = json.dumps({"fingerprint": fingerprint, "task_id": submission.run_id})
    try:
        is_first = client().redis.set(name, document, ex=TTL_S, nx=True)
    except RedisError:
        return submission
    # Somebody with the same key was quicker: theirs is the task.
    return submission if is_first else _known(name, fingerprint) or submission


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
