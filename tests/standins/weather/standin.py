"""Open-Meteo's stand-in as a whole: server, limits, faults and a log."""

import datetime as dt
import time
from dataclasses import dataclass

from tests.standins.faults import WIRE_KINDS, Fault, FaultQueue
from tests.standins.server import Answer, Request, Standin
from tests.standins.weather import api

DATA_KINDS = dict.fromkeys(("nulls", "fewer-places"), "/v1/")
"""Faults in the weather itself: values are null, all of them or those of `nulls:VARIABLE,...@DAY,...` (days of the
request, from 0; either part may be left out); the last place is missing."""


@dataclass(frozen=True)
class Call:
    """One request and its answer; a reset has the status 0, a request that is none has 0 places."""

    path: str
    status: int
    places: int
    calls: float
    parameters: dict[str, str]


class WeatherStandin(Standin):
    """Both hosts of Open-Meteo on 127.0.0.1, from `start()` or `with` on. `limits` may be changed while it runs."""

    def __init__(self, *, limits: api.Limits | None = None, latency: float = 0.0, port: int = 0) -> None:
        super().__init__(self._respond, port)
        self.limits = limits or api.Limits(None, None, None)
        self.latency = latency
        self.faults = FaultQueue(DATA_KINDS)
        self.requests: list[Call] = []

    @property
    def url(self) -> str:
        """Base URL of both services, `http://127.0.0.1:PORT/v1`."""
        return f"{self._server.origin}/v1"

    def fault(self, kind: str, *, times: int | None = None, path: str | None = None) -> Fault:
        """Order a fault; the kinds stand at `faults.Fault` and `DATA_KINDS`."""
        return self.faults.add(kind, times, path)

    def calls(self, path: str = "") -> list[Call]:
        """The requests whose path contains `path`, in the order of their answers."""
        return [call for call in self.requests if path in call.path]

    def _respond(self, request: Request) -> Answer:
        time.sleep(self.latency)
        asked = _asked(request)
        answer = self._limited(request, asked)
        answer.headers["X-Safegrid-Data"] = "synthetic"
        status = 0 if answer.delivery == "reset" else answer.status
        places, calls = (0, 0.0) if isinstance(asked, Answer) else (len(asked.places), asked.calls)
        self.requests.append(Call(request.path, status, places, calls, request.parameters))
        return answer

    def _limited(self, request: Request, asked: api.Query | Answer) -> Answer:
        fault = self.faults.take(request, None, WIRE_KINDS)
        if fault is None:
            return self._service(request, asked)
        return fault.answer_before() or fault.answer_after(self._service(request, asked))

    def _service(self, request: Request, asked: api.Query | Answer) -> Answer:
        if isinstance(asked, Answer):
            return asked
        if refusal := self.limits.refusal(asked.calls):
            return refusal
        fault = self.faults.take(request, None, DATA_KINDS)
        return api.answer(asked, fault)


def _asked(request: Request) -> api.Query | Answer:
    """What is asked for, or what is answered to a request that asks for nothing."""
    today = dt.datetime.now(dt.UTC).date()
    on_offer = {
        "/v1/forecast": (dt.timedelta(days=-api.FORECAST_DAYS_BACK), dt.timedelta(days=api.FORECAST_DAYS_ON)),
        "/v1/archive": (api.ARCHIVE_BEGINS - today, dt.timedelta(0)),
    }
    if request.path not in on_offer:
        return api.error(404, "Not Found")
    first, last = on_offer[request.path]
    try:
        return api.read(request.parameters, today + first, today + last)
    except api.BadRequest as problem:
        return api.error(400, str(problem))
