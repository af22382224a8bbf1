"""The police API's stand-in as a whole: server, release, settings, faults and a log."""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.standins.faults import WIRE_KINDS, Fault, FaultQueue
from tests.standins.limiter import LeakyBucket
from tests.standins.police.api import RECORD_KINDS, Api, Settings
from tests.standins.police.control import Control
from tests.standins.police.crimes import Record
from tests.standins.police.release import Release
from tests.standins.police.sources import Archive, Source
from tests.standins.server import Answer, Request, Standin


@dataclass(frozen=True)
class Call:
    """One request below /api and its answer. `month` is the `date` as sent; a reset has the status 0."""

    method: str
    path: str
    month: str | None
    status: int
    parameters: dict[str, str]


class PoliceStandin(Standin):
    """The police API on 127.0.0.1, from `start()` or `with` on.

    `source`: an archive folder or zip, `Archive(...)` of several, `Synthetic(...)` or `Records([...])`.
    `published`: the months on offer, by default all of the source. `settings` may be changed while it runs.
    """

    def __init__(
        self,
        source: Source | Path | str,
        *,
        published: Iterable[str] | None = None,
        cap: int | None = 10_000,
        rate: float | None = 15,
        burst: int = 30,
        latency: float = 0.0,
        unpublished: int = 200,
        port: int = 0,
    ) -> None:
        super().__init__(self._respond, port)
        self.settings = Settings(cap, rate, burst, latency, unpublished)
        self.release = Release(Archive(source) if isinstance(source, Path | str) else source, published)
        self.faults = FaultQueue(RECORD_KINDS)
        self._api = Api(self.release, self.settings, self.faults)
        self._control = Control(self)
        self._bucket = LeakyBucket()
        self._log: list[Call] = []

    @property
    def url(self) -> str:
        """The base URL, `http://127.0.0.1:PORT/api`."""
        return f"{self._server.origin}/api"

    @property
    def control_url(self) -> str:
        """`http://127.0.0.1:PORT/control`."""
        return f"{self._server.origin}/control"

    @property
    def requests(self) -> list[Call]:
        """All requests below /api so far, in the order of their answers."""
        return list(self._log)

    def calls(self, path: str = "", month: str | None = None) -> list[Call]:
        """The requests whose path contains `path`, for one month if it is given."""
        return [call for call in self.requests if path in call.path and month in (None, call.month)]

    def forget_requests(self) -> None:
        self._log.clear()

    def fault(self, kind: str, *, times: int | None = None, path: str | None = None, month: str | None = None) -> Fault:
        """Order a fault; the kinds stand at `faults.Fault` and `api.RECORD_KINDS`.

        `times`: 1 by default, for an outage until cleared. `path`: pattern found in the request's path.
        `month`: the request's date.
        """
        return self.faults.add(kind, times, path, month)

    def clear_faults(self) -> None:
        self.faults.clear()

    @property
    def published(self) -> list[str]:
        """The months on offer, oldest first; may be set."""
        return list(self.release.published)

    @published.setter
    def published(self, months: Iterable[str]) -> None:
        self.release.offer(months)

    def publish(self, month: str) -> None:
        """Release one more month."""
        self.release.offer([*self.published, month])

    def crimes(self, month: str, force: str = "hampshire") -> list[Record]:
        """All API records of a force's month, the unplaced too."""
        return self.release.crimes(month, force).records()

    def revise(
        self,
        month: str,
        *,
        force: str = "hampshire",
        change: Mapping[int, Mapping[str, Any]] | None = None,
        remove: Collection[int] = (),
        add: Iterable[Mapping[str, Any]] = (),
        renumber: bool = False,
    ) -> None:
        """Re-release a month: fields to change by id, ids to remove, (partial) records to add.

        `renumber` moves every id to the next crime, since ids are not stable between releases.
        """
        self.release.revise(month, force, change=change or {}, remove=remove, add=add, renumber=renumber)

    def _respond(self, request: Request) -> Answer:
        if request.path.startswith("/control"):
            return self._control.answer(request)
        month = request.parameters.get("date")
        answer = self._limited(request, month)
        if self.release.source.synthetic:
            answer.headers["X-Safegrid-Data"] = "synthetic"
        status = 0 if answer.delivery == "reset" else answer.status
        self._log.append(Call(request.method, request.path, month, status, request.parameters))
        return answer

    def _limited(self, request: Request, month: str | None) -> Answer:
        rate = self.settings.rate
        if rate is not None and not self._bucket.admits(rate, self.settings.burst):
            return Answer(429)
        time.sleep(self.settings.latency)
        fault = self.faults.take(request, month, WIRE_KINDS)
        if fault is None:
            return self._api.answer(request)
        return fault.answer_before() or fault.answer_after(self._api.answer(request))
