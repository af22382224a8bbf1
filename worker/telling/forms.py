"""A message in the form that each service takes, by its published rules."""

import json
from typing import Any

from worker.telling.messages import Message
from worker.telling.receivers import Form

# Of a message, in characters, each below the service's own limit: Slack cuts at 40,000, Discord refuses more than
# 2,000 and Google Chat more than 4,096; a card of Teams may have 28 KB, in which a character may be 4 bytes.
LONGEST = {"slack": 12_000, "discord": 2_000, "googlechat": 4_000, "teams": 6_000, "json": 12_000}


def body(message: Message, form: Form) -> bytes:
    """JSON for the receiver."""
    text = cut(message.text, LONGEST[form])
    match form:
        case "slack":
            found: dict[str, Any] = {"text": _escaped(text)}
        case "discord":
            # A cause may hold words of others: it must call nobody.
            found = {"content": text, "allowed_mentions": {"parse": []}}
        case "googlechat":
            found = {"text": text}
        case "teams":
            found = _card(message)
        case _:
            found = {"id": message.id, "text": text, "events": [event.as_json() for event in message.events]}
    return json.dumps(found).encode()


def cut(text: str, longest: int) -> str:
    """At a line end, where there is one."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 2]
    return f"{kept[: kept.rfind(chr(10))] if chr(10) in kept else kept}\n…"


def _escaped(text: str) -> str:
    """Slack reads links and mentions in angle brackets."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(message: Message) -> dict[str, Any]:
    """An adaptive card in a message, as the workflow `When a Teams webhook request is received` takes it."""
    head = {"type": "TextBlock", "text": message.title, "weight": "Bolder", "wrap": True}
    lines = cut("\n".join(message.lines), LONGEST["teams"]).splitlines()
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [head, *({"type": "TextBlock", "text": line, "wrap": True} for line in lines)],
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}
