"""Receivers of alerts that take and refuse messages by the published rules of each service, over real HTTP.

Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
Discord: https://discord.com/developers/docs/resources/webhook#execute-webhook
Teams: https://learn.microsoft.com/en-us/connectors/teams/ (When a Teams webhook request is received)
Google Chat: https://developers.google.com/workspace/chat/quickstart/webhooks
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.standins.server import Answer, Request, Standin

_TOO_MANY = Answer(429, b'{"message": "You are being rate limited.", "retry_after": 1}', headers={"Retry-After": "1"})
_DISCORD_FIELDS = {"content", "username", "avatar_url", "tts", "embeds", "allowed_mentions", "components", "flags"}
_GOOGLE_FIELDS = {"text", "cardsV2", "thread", "fallbackText", "accessoryWidgets"}
_ADAPTIVE = "application/vnd.microsoft.card.adaptive"

Rule = Callable[[Any], Answer]


def _refused(words: str, status: int = 400) -> Answer:
    return Answer(status, json.dumps({"message": words}).encode())


def slack(body: Any) -> Answer:
    """200 and `ok`."""
    if not isinstance(body, dict):
        return Answer(400, b"invalid_payload", "text/plain")
    if not (body.get("text") or body.get("blocks") or body.get("attachments")):
        return Answer(400, b"no_text", "text/plain")
    return Answer(200, b"ok", "text/plain")


def discord(body: Any) -> Answer:
    """204 without a body."""
    if unknown := set(body) - _DISCORD_FIELDS:
        return _refused(f"unknown fields {unknown}")
    if not (body.get("content") or body.get("embeds")):
        return _refused("Cannot send an empty message")
    if len(body.get("content", "")) > 2000:
        return _refused("Must be 2000 or fewer in length.")
    return Answer(204)


def teams(body: Any) -> Answer:
    """202: the workflow begins with a card."""
    cards = body.get("attachments") if body.get("type") == "message" else None
    if not cards or len(json.dumps(body)) > 28 * 1024:
        return _refused("The request has no attachments, or is larger than 28 KB")
    for card in cards:
        content = card.get("content", {})
        if card.get("contentType") != _ADAPTIVE or content.get("type") != "AdaptiveCard" or not content.get("body"):
            return _refused("An attachment is no adaptive card")
    return Answer(202)


def googlechat(body: Any) -> Answer:
    """200 and the message as JSON."""
    if unknown := set(body) - _GOOGLE_FIELDS:
        return _refused(f"Invalid JSON payload received. Unknown name {unknown}")
    if not (body.get("text") or body.get("cardsV2")) or len(body.get("text", "")) > 4096:
        return _refused("Message cannot be empty, or is too long")
    return Answer(200, json.dumps({"name": "spaces/X/messages/Y", **body}).encode())


def anything(_body: Any) -> Answer:
    """204 for whatever is JSON."""
    return Answer(204)


RULES: dict[str, Rule] = {
    "slack": slack,
    "discord": discord,
    "teams": teams,
    "googlechat": googlechat,
    "json": anything,
}


@dataclass
class Chat(Standin):
    """A service of that kind at `url`; `taken` are the bodies that it took."""

    kind: str
    taken: list[Any] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    refuses: int = 0
    """So many of the next requests are answered with 429 and Retry-After."""
    status: int = 0
    """Every request is answered so, if set."""

    def __post_init__(self) -> None:
        super().__init__(self._respond, 0)

    @property
    def url(self) -> str:
        """With what is secret in it; the form stands before, as the host tells nothing here."""
        return f"{self.kind}+{self._server.origin}/hooks/T0-secret"

    @property
    def texts(self) -> list[str]:
        """What people would read of each message."""
        return [json.dumps(body, ensure_ascii=False) for body in self.taken]

    def _respond(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.refuses:
            self.refuses -= 1
            return _TOO_MANY
        if self.status:
            return Answer(self.status, headers={"Location": "http://127.0.0.1:9/"})
        if request.method != "POST" or "json" not in request.headers.get("content-type", ""):
            return Answer(415)
        body = json.loads(request.body)
        answer = RULES[self.kind](body)
        if answer.status < 300:
            self.taken.append(body)
        return answer
