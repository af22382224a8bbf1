"""Faults to order: a queue of them, each applied to the next requests that match."""

import re
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from tests.standins.server import Answer, Delivery, Request

_DELIVERIES: Mapping[str, Delivery] = {"drip": "dripping", "drip-headers": "dripping headers", "endless": "endless"}
WIRE_KINDS = frozenset({"outage", "reset", "truncated", "html", "slow", "status", *_DELIVERIES})
UNTIL_CLEARED = 1_000_000_000
_PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Back soon</h1></body></html>"


@dataclass
class Fault:
    """For the next `times` requests that match: `path` is a pattern found in theirs, `month` is their date.

    Written as `kind` or `kind:argument`:

    outage          503, empty body
    status:N        status N, empty body
    reset           the connection is reset (RST) and nothing is sent
    truncated       the whole Content-Length, half the body
    html            200 with an HTML page
    slow:SECONDS    the right answer, late (2 s without an argument)
    drip            the right answer, a byte every 0.05 s
    drip-headers    headers that come so and never end
    endless         a body that never ends
    """

    kind: str
    argument: str | None
    times: int
    path: str
    month: str | None

    def matches(self, path: str, month: str | None) -> bool:
        return re.search(self.path, path) is not None and self.month in (None, month)

    def answer_before(self) -> Answer | None:
        """The answer in place of the service's; None where the service is still asked."""
        match self.kind:
            case "outage":
                return Answer(503)
            case "status":
                return Answer(int(self.argument or 500))
            case "reset":
                return Answer(delivery="reset")
            case "html":
                return Answer(200, _PAGE, "text/html; charset=utf-8")
            case "slow":
                time.sleep(float(self.argument or 2))
        return None

    def answer_after(self, answer: Answer) -> Answer:
        """The service's own answer as this fault lets it through."""
        if self.kind in _DELIVERIES:
            return replace(answer, delivery=_DELIVERIES[self.kind])
        return replace(answer, delivery="truncated") if self.kind == "truncated" else answer


class FaultQueue:
    """Faults in the order in which they were asked for; a request takes at most one."""

    def __init__(self, further_kinds: Mapping[str, str]) -> None:
        """`further_kinds`: faults that the service itself applies, with the paths that can show them."""
        self._default_paths = dict.fromkeys(WIRE_KINDS, "") | dict(further_kinds)
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, kind: str, times: int | None = None, path: str | None = None, month: str | None = None) -> Fault:
        """Queue a fault; `times` is 1 by default, for an outage UNTIL_CLEARED. ValueError if unknown."""
        name, _, argument = kind.partition(":")
        if name not in self._default_paths:
            raise ValueError(f"Fault {kind!r} is not one of {', '.join(sorted(self._default_paths))}")
        if argument and name in {"status", "slow"}:
            float(argument)
        if times is None:
            times = UNTIL_CLEARED if name == "outage" else 1
        where = self._default_paths[name] if path is None else path
        fault = Fault(name, argument or None, times, where, month)
        with self._lock:
            self._faults.append(fault)
        return fault

    def take(self, request: Request, month: str | None, kinds: Collection[str]) -> Fault | None:
        """The first fault that matches, one use less, if it is of these kinds; if not, it waits its turn."""
        with self._lock:
            fault = next((each for each in self._faults if each.matches(request.path, month)), None)
            if fault is None or fault.kind not in kinds:
                return None
            fault.times -= 1
            if fault.times < 1:
                self._faults.remove(fault)
            return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def pending(self) -> list[Fault]:
        with self._lock:
            return [replace(fault) for fault in self._faults]
