"""The stand-in's own endpoint, for those who run it as a separate process; JSON in and out.

GET    /control             state: published months, settings, faults that wait
GET    /control/log         requests below /api so far; DELETE forgets them
POST   /control/faults      {"kind", "times", "path", "month"}; DELETE clears them all
POST   /control/published   {"month": M} releases one more month, {"months": [...]} sets them all
POST   /control/settings    any of cap, rate, burst, latency, unpublished
POST   /control/revise      {"month", "force", "change": {id: fields}, "remove": [ids], "add": [records],
                            "renumber"}
"""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from tests.standins.server import Answer, Request

if TYPE_CHECKING:
    from tests.standins.police.standin import PoliceStandin


class Control:
    """Gives the methods of a stand-in an address."""

    def __init__(self, police: "PoliceStandin") -> None:
        self._police = police
        self._commands: dict[tuple[str, str], Callable[..., object]] = {
            ("GET", "/control/log"): lambda: [asdict(call) for call in police.requests],
            ("DELETE", "/control/log"): police.forget_requests,
            ("POST", "/control/faults"): police.fault,
            ("DELETE", "/control/faults"): police.clear_faults,
            ("POST", "/control/published"): self._publish,
            ("POST", "/control/settings"): self._set,
            ("POST", "/control/revise"): self._revise,
            ("GET", "/control"): lambda: None,
        }

    def answer(self, request: Request) -> Answer:
        """The command's result, the state if it has none; 400 with the reason for what cannot be done."""
        command = self._commands.get((request.method, request.path.rstrip("/")))
        if command is None:
            return _json(404, {"error": f"No {request.method} {request.path}"})
        try:
            result = command(**json.loads(request.body or "{}"))
        except (TypeError, ValueError) as problem:
            return _json(400, {"error": str(problem)})
        return _json(200, result if isinstance(result, list) else self._state())

    def _state(self) -> dict[str, Any]:
        police = self._police
        faults = [asdict(fault) for fault in police.faults.pending()]
        synthetic = police.release.source.synthetic
        settings = asdict(police.settings)
        return {"published": police.published, "settings": settings, "faults": faults, "synthetic": synthetic}

    def _publish(self, month: str | None = None, months: list[str] | None = None) -> None:
        if months is not None:
            self._police.published = months
        if month is not None:
            self._police.publish(month)

    def _set(self, **settings: Any) -> None:
        if unknown := settings.keys() - {field.name for field in fields(self._police.settings)}:
            raise ValueError(f"There is no setting {', '.join(sorted(unknown))}")
        for name, value in settings.items():
            setattr(self._police.settings, name, value)

    def _revise(self, month: str, change: dict[str, Any] | None = None, **others: Any) -> None:
        by_id = {int(id_): values for id_, values in (change or {}).items()}
        self._police.revise(month, change=by_id, **others)


def _json(status: int, value: object) -> Answer:
    return Answer(status, json.dumps(value).encode())
