"""`python -m tests.faults.telling`: seconds from a fault to the page, to a message, and from its end to "over".

Real processes, one fault after the other; the page is the health API, the message arrives at a receiver over HTTP.
"""

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from redis import Redis
from sqlalchemy import text

from jobs import database
from tests.faults.house import House, open_house
from tests.standins.chats import Chat
from worker import logs
from worker.settings import Settings

LOOK_S = 0.2
LONGEST_S = 240.0
_FAIL = """
    INSERT INTO runs (id, job, queue, parameters, state, origin, requested_by, ended_at, error)
    SELECT gen_random_uuid()::text, 'take_steps', 'cache', jsonb_build_object('steps', 1000 + n), 'failed', 'python',
           'a test', clock_timestamp(), 'JobError: it broke'
    FROM generate_series(1, 200) AS n
"""
_SETTLE = "UPDATE runs SET acknowledged_by = 'a test' WHERE state = 'failed'"


@dataclass
class Desk:
    """Somebody who looks at the page and reads the messages."""

    house: House
    chat: Chat

    def is_on_page(self, kind: str) -> bool:
        """Whether the health API names it; PostgreSQL away it says so in its own way."""
        environment = self.house.environment
        headers = {"Authorization": f"Bearer {environment['ADMIN_API_TOKEN']}"}
        url = f"http://127.0.0.1:{environment['PORT']}/api/v1/admin/health"
        with contextlib.suppress(requests.RequestException):
            said = requests.get(url, headers=headers, timeout=10)
            return said.status_code == 503 if not said.ok else kind in {one["kind"] for one in said.json()["findings"]}
        return False

    def is_well(self, kind: str) -> bool:
        """Whether the page is there and does not name it."""
        url = f"http://127.0.0.1:{self.house.environment['PORT']}/readyz"
        with contextlib.suppress(requests.RequestException):
            return requests.get(url, timeout=10).ok and not self.is_on_page(kind)
        return False

    def is_told(self, kind: str, event: str, since: int) -> bool:
        """Whether a message came that has it."""
        return any(
            (one["kind"], one["event"]) == (kind, event) for body in self.chat.taken[since:] for one in body["events"]
        )


def seconds_until(condition: Callable[[], bool], began: float) -> float | None:
    """None where it did not come to this."""
    while time.monotonic() - began < LONGEST_S:
        if condition():
            return time.monotonic() - began
        time.sleep(LOOK_S)
    return None


@dataclass(frozen=True)
class Told:
    """A fault, and how long it took to say so; in seconds, none where that took longer than LONGEST_S."""

    name: str
    kind: str
    page: float | None
    message: float | None
    off_page: float | None
    over: float | None
    messages: int

    def line(self) -> str:
        """A line of the table."""
        seconds = (self.page, self.message, self.off_page, self.over)
        cells = ("-" if one is None else f"{one:.0f}" for one in seconds)
        return f"| {self.name} | `{self.kind}` | {' | '.join(cells)} | {self.messages} |"


def measure(desk: Desk, name: str, kind: str, fault: Callable[[], object], end: Callable[[], object]) -> Told:
    """What became of one fault."""
    since, began = len(desk.chat.taken), time.monotonic()
    fault()
    page = seconds_until(lambda: desk.is_on_page(kind), began)
    told = seconds_until(lambda: desk.is_told(kind, "open", since), began)
    ended = time.monotonic()
    end()
    gone = seconds_until(lambda: desk.is_well(kind), ended)
    over = seconds_until(lambda: desk.is_told(kind, "over", since), ended)
    return Told(name, kind, page, told, gone, over, len(desk.chat.taken) - since)


def faults(house: House) -> Iterator[tuple[str, str, Callable[[], object], Callable[[], object]]]:
    """Name, kind of finding, what begins it and what ends it."""
    yield "source dead", "retrying_run", lambda: _source_dies(house), house.police.clear_faults
    yield "200 failed runs at once", "failed_run", lambda: _change(house, _FAIL), lambda: _change(house, _SETTLE)
    yield "disk nearly full", "disk", lambda: _fill(house), lambda: _ballast(house).unlink()
    signals = {name: _pids(house, name) for name in ("worker", "scheduler")}
    stop, go_on = signal.SIGSTOP, signal.SIGCONT
    schedulers = signals["scheduler"]
    yield "schedulers stopped", "no_scheduler", lambda: _send(schedulers, stop), lambda: _send(schedulers, go_on)
    redis = _engine(house, "valkey-server")
    yield "Redis frozen", "redis_away", lambda: _send([redis], stop), lambda: _send([redis], go_on)
    postgres = _engine(house, "postgres")
    yield "PostgreSQL killed", "postgresql_away", lambda: _send([postgres], signal.SIGKILL), house.engines.ensure
    yield "workers killed", "no_workers", lambda: _send(signals["worker"], signal.SIGKILL), lambda: house.pause(3)


def _source_dies(house: House) -> None:
    house.police.fault("outage")
    month = house.police.published[-1]
    body = {"year": int(month[:4]), "month": int(month[5:])}
    headers = {"Authorization": f"Bearer {house.environment['ADMIN_API_TOKEN']}"}
    url = f"http://127.0.0.1:{house.environment['PORT']}/api/v1/admin/tasks/ingest-month"
    requests.post(url, json=body, headers=headers, timeout=10).raise_for_status()


def _ballast(house: House) -> Path:
    assert house.disk is not None
    return house.disk / "ballast"


def _fill(house: House) -> None:
    """To 93 %."""
    assert house.disk is not None
    disk = os.statvfs(house.disk)
    size = disk.f_bavail * disk.f_frsize - disk.f_blocks * disk.f_frsize * 7 // 100
    _ballast(house).write_bytes(bytes(size))


def _change(house: House, statement: str) -> None:
    with database.once(house.settings) as connection, connection.begin():
        connection.execute(text(statement))


def _pids(house: House, name: str) -> list[int]:
    return [post.pid for post in house.named(name) if post.pid]


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def _engine(house: House, name: str) -> int:
    """The process id of the server."""
    if name == "postgres":
        with database.once(house.settings) as connection, connection.begin():
            folder = connection.scalar(text("SHOW data_directory"))
        return int((Path(str(folder)) / "postmaster.pid").read_text().splitlines()[0])
    with Redis.from_url(house.settings.redis_url) as redis:
        return int(redis.info("server")["process_id"])


@contextmanager
def at_desk() -> Iterator[Desk]:
    """A house that is up, with a receiver."""
    folder = Path(tempfile.mkdtemp(prefix="safegrid-telling-"))
    with Chat("json") as chat, open_house(1, folder, with_web=True) as house:
        house.environment["ALERT_WEBHOOK_URL"] = chat.url
        desk = Desk(house, chat)
        house.pause(1)
        while not desk.is_well("no_workers"):
            house.pause(1)
        house.pause(10)
        yield desk


def main() -> None:
    """All faults; names as arguments take only those kinds."""
    logs.configure(Settings(LOG_LEVEL="ERROR"))
    with at_desk() as desk:
        lines = ['| fault | finding | to the page, s | to a message, s | off the page, s | to "over", s | messages |']
        lines.append("|---|---|---|---|---|---|---|")
        for name, kind, fault, end in faults(desk.house):
            if len(sys.argv) == 1 or kind in sys.argv[1:]:
                lines.append(measure(desk, name, kind, fault, end).line())
                sys.stderr.write(f"{lines[-1]}\n")
                desk.house.pause(5)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
