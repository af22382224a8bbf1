"""What doctor, the health API and the metrics say every few seconds, and what is so every second."""

import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psutil
import psycopg2
import requests
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis, RedisError
from sqlalchemy import make_url

from tests.faults.background import Background
from tests.faults.house import House
from tests.faults.truth import State, Statement
from worker import doctor
from worker.stuck import is_stopped

STATE_S = 1.0
STATEMENT_S = 3.0
# As long as people wait for a page.
PATIENCE_S = 10
# Until everybody has left the flows that were frozen. PostgreSQL's take the longest: 30 s of silence, and a beat.
FROZEN_S = 40.0
# A sweep and a worker for each of three queues.
_FULL = 4
_FROM_LEDGER = frozenset({"failed run", "retrying run", "unknown job", "missed occurrence", "paused", "late"})
# What may be said at any time: nobody was asked about the data, and the harness forgets months that are held.
_NOT_JUDGED = frozenset({"data", "waiting"})
_FAMILIES = {
    "postgresql_away": "postgresql",
    "postgresql_refuses": "postgresql",
    "redis_away": "redis",
    "no_scheduler": "scheduler",
    "no_workers": "workers",
    "schedule_late": "late",
    "paused": "paused",
    "disk": "disk",
    "long_wait": "waiting",
    **dict.fromkeys(("no_crimes", "source_not_asked", "month_missing", "crimes_late", "month_partly_held"), "data"),
    **dict.fromkeys(("grid_old", "grid_unsound", "coverage_gap", "month_revised"), "data"),
}
"""What a kind of finding is to the judge."""
_OF_JOBS = {"unknown_job": "unknown job", "occurrence_missed": "missed occurrence"}

_FAILED = """
    SELECT DISTINCT job FROM runs AS bad WHERE state = 'failed' AND NOT EXISTS (
        SELECT FROM runs AS good WHERE good.job = bad.job AND good.parameters = bad.parameters
        AND good.state = 'finished' AND good.ended_at > bad.ended_at
    )
"""
_RETRYING = "SELECT DISTINCT job FROM runs WHERE ended_at IS NULL AND (failures > 0 OR losses >= 3)"
_UNKNOWN = "SELECT DISTINCT job FROM runs WHERE unknown_since IS NOT NULL AND ended_at IS NULL"
# The newest occurrence was left out, as when its forerunner was still open, and nothing has made up for it.
_MISSED = """
    SELECT job FROM (
        SELECT job, state, occurrence FROM runs WHERE occurrence IS NOT NULL ORDER BY occurrence DESC LIMIT 1
    ) AS newest WHERE state = 'skipped' AND NOT EXISTS (
        SELECT FROM runs WHERE runs.job = newest.job
        AND (runs.ended_at IS NULL OR runs.state = 'finished' AND runs.ended_at > newest.occurrence)
    )
"""
_BY_JOB = (
    ("failed run", _FAILED),
    ("retrying run", _RETRYING),
    ("unknown job", _UNKNOWN),
    ("missed occurrence", _MISSED),
)
_PAUSED = "SELECT name FROM pauses"
_LATE_S = (
    "SELECT extract(epoch FROM now() - max(occurrence))::float FROM runs WHERE job = 'tick' AND occurrence IS NOT NULL"
)


@dataclass
class States(Background):
    """A thread that looks for itself, past everything that is Safegrid's, for the length of a `with`."""

    house: House
    states: list[State] = field(default_factory=list)

    def work(self) -> None:
        """Look until it is over."""
        while not self.over.wait(STATE_S):
            self.states.append(self._look())

    def _look(self) -> State:
        wrong: set[str] = set()
        unsure = set(_NOT_JUDGED)
        for engine, at in list(self.house.frozen_at.items()):
            # Its server is well, and whoever waits in a frozen flow of it is not.
            if time.monotonic() - at < FROZEN_S:
                unsure |= {engine, "web", "workers", "scheduler"}
        for name, is_well in (
            ("redis", self._redis_responds),
            ("scheduler", self._has("scheduler")),
            ("web", self._web_listens),
        ):
            if not is_well():
                wrong.add(name)
        if self.house.is_disk_full:
            wrong.add("disk")
        workers = self._workers()
        if workers is None:
            unsure.add("workers")
        elif not workers:
            wrong.add("workers")
        try:
            wrong |= set(self._from_ledger(unsure))
        except psycopg2.Error:
            wrong.add("postgresql")
            unsure |= _FROM_LEDGER
        return State(time.monotonic(), frozenset(wrong), frozenset(unsure))

    def _has(self, name: str) -> Callable[[], bool]:
        return lambda: any(not is_stopped(pid) for pid in self._pids(name))

    def _web_listens(self) -> bool:
        """One that was started a moment ago does not yet; its start takes long on a busy machine."""
        try:
            with socket.create_connection(("127.0.0.1", int(self.house.environment["PORT"])), timeout=1):
                return True
        except OSError:
            return False

    def _pids(self, name: str) -> list[int]:
        return [post.pid for post in list(self.house.posts) if post.name == name and post.pid]

    def _workers(self) -> bool | None:
        """Whether all queues have workers, for certain; none while some may be missing."""
        some = False
        for pid in self._pids("worker"):
            try:
                children = psutil.Process(pid).children()
            except psutil.Error:
                continue
            at_work = [child for child in children if not is_stopped(child.pid)]
            if not is_stopped(pid) and len(at_work) == len(children) >= _FULL:
                return True
            some = some or bool(at_work)
        return None if some else False

    def _redis_responds(self) -> bool:
        try:
            with Redis.from_url(self.house.settings.redis_url, socket_timeout=1) as redis:
                return bool(redis.ping())
        except RedisError:
            return False

    def _from_ledger(self, unsure: set[str]) -> Iterator[str]:
        url = make_url(self.house.settings.database_url).set(drivername="postgresql")
        connection = psycopg2.connect(
            url.render_as_string(hide_password=False), connect_timeout=2, application_name="faults states"
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(_PAUSED)
                yield from ("paused" for _ in cursor.fetchall())
                for family, query in _BY_JOB:
                    cursor.execute(query)
                    yield from (f"{family}: {row[0]}" for row in cursor.fetchall())
                cursor.execute(_LATE_S)
                (late_s,) = cursor.fetchone() or (None,)
                if late_s is None or 20 < late_s < 60:
                    unsure.add("late")
                elif late_s >= 60:
                    yield "late"
        finally:
            connection.close()


@dataclass
class Statements(Background):
    """A thread that asks everything that tells how Safegrid is, for the length of a `with`."""

    house: House
    statements: list[Statement] = field(default_factory=list)

    def work(self) -> None:
        """Ask until it is over."""
        while not self.over.wait(STATEMENT_S):
            began = time.monotonic()
            named: dict[str, set[str]] = defaultdict(set)
            for who, ask in (
                ("doctor", self._doctor),
                ("healthz", lambda: self._probe("/healthz")),
                ("readyz", lambda: self._probe("/readyz")),
                ("health API", self._health),
                ("metrics", self._metrics),
            ):
                for kind in ask():
                    named[kind].add(who)
            found = {kind: frozenset(by) for kind, by in named.items()}
            self.statements.append(Statement(began, time.monotonic(), found))

    def _doctor(self) -> Iterator[str]:
        for line in doctor.examine(self.house.settings):
            if not line.fine:
                yield kind_of_finding(line.kind, line.subject) or f"other: {line.what}"

    def _get(self, path: str) -> requests.Response | None:
        environment = self.house.environment
        headers = {"Authorization": f"Bearer {environment['ADMIN_API_TOKEN']}"}
        try:
            return requests.get(f"http://127.0.0.1:{environment['PORT']}{path}", headers=headers, timeout=PATIENCE_S)
        except requests.RequestException:
            return None

    def _answer(self, path: str) -> tuple[requests.Response | None, list[str]]:
        """The response where it is one, else what its lack or its error names."""
        response = self._get(path)
        if response is None:
            return None, ["web"]
        if response.ok:
            return response, []
        engines = [name for name in ("postgresql", "redis") if name in response.text.lower()]
        return None, engines or ["web"]

    def _probe(self, path: str) -> list[str]:
        return self._answer(path)[1]

    def _health(self) -> list[str]:
        response, named = self._answer("/api/v1/admin/health")
        if response is None:
            return named
        return [kind_of_finding(one["kind"], one["subject"]) for one in response.json()["findings"]]

    def _metrics(self) -> list[str]:
        response, named = self._answer("/metrics")
        return named if response is None else list(kinds_of_metrics(response.text))


def kind_of_finding(kind: str, subject: str) -> str:
    """The kind that a finding is of for the judge; empty for none."""
    if kind in ("failed_run", "retrying_run"):
        return f"{kind.replace('_', ' ')}: {subject.partition('(')[0]}"
    if kind in _OF_JOBS:
        return f"{_OF_JOBS[kind]}: {subject}"
    return _FAMILIES.get(kind, f"other: {kind}" if kind else "")


def kinds_of_metrics(text: str) -> Iterator[str]:
    """The kinds that the metrics would raise an alarm of."""
    workers: dict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "safegrid_workers":
                workers[sample.labels["queue"]] += sample.value
            elif sample.name in _ALARMS and _ALARMS[sample.name](sample.value):
                yield _KINDS[sample.name]
    if any(not count for count in workers.values()):
        yield "workers"


_ALARMS: dict[str, Callable[[float], bool]] = {
    "safegrid_redis_up": lambda value: not value,
    "safegrid_schedulers": lambda value: not value,
}
_KINDS: dict[str, Any] = {"safegrid_redis_up": "redis", "safegrid_schedulers": "scheduler"}
