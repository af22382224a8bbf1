"""Somebody who is told of events, over real HTTP: takes them, or does not in one of many ways."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.standins.server import Answer, Request, Standin

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TAKEN = Answer(204)


class EventReceiver(Standin):
    """Takes what is signed with SECRET. `answer`: what it does instead; `before`: called before each answer."""

    def __init__(self) -> None:
        super().__init__(self._respond, 0)
        self.requests: list[Request] = []
        self.answer = TAKEN
        self.before: Callable[[Request], None] = lambda _request: None

    @property
    def url(self) -> str:
        """With what is secret in it."""
        return f"{self._server.origin}/hooks/a-token"

    @property
    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.requests]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(one.body) for one in self.requests]

    def _respond(self, request: Request) -> Answer:
        assert is_signed(request), request.headers
        self.requests.append(request)
        self.before(request)
        return replace(self.answer)


def is_signed(request: Request, secret: str = SECRET) -> bool:
    """As https://www.standardwebhooks.com says."""
    given = request.headers
    content = f"{given['webhook-id']}.{given['webhook-timestamp']}.".encode() + request.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return given["webhook-signature"] == f"v1,{wanted}"
