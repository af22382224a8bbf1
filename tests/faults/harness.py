"""One disturbed run from the start to its report."""

import contextlib
import datetime as dt
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import requests
from sqlalchemy import Connection, TextClause, text

from jobs import catalogue, context, database
from tests.faults import audit, disturbances, truth, work
from tests.faults.audit import Tables, Violations
from tests.faults.disturbances import Disturbance
from tests.faults.house import House, open_house, prepare, settings_at
from tests.faults.notes import Request
from tests.faults.observing import Watch
from tests.faults.recoveries import Done, Recovery, recoveries
from tests.faults.statements import Statements, States
from tests.faults.truth import Verdict
from tests.faults.work import Asking
from worker import engines, pauses
from worker.client import Client
from worker.settings import Settings

START_S = 60.0
LONGEST_END_S = 300.0
# Between two disturbances: what is under way is hit before it has recovered, more often than not.
PAUSES_S = (0.5, 2.0)
# What takes half a minute to be noticed would otherwise always be over by another disturbance.
SLOW = ("freeze_postgresql_flows", "freeze_redis_flows", "stop_work_horse_for_good")
SLOW_PAUSES_S = (0.5, 25.0)
QUIET_S = 45.0


class NotUp(Exception):
    """The house did not come up in time."""


@dataclass
class Report:
    """What was done, what came of it, and how long recoveries took."""

    seed: int
    done: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    """Runs of the ledger by state."""
    refused: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    """By outcome."""
    order: list[Done] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    """What status said beside what was so. It fails no run."""
    failed_attempts: list[str] = field(default_factory=list)
    violations: Violations = field(default_factory=lambda: Violations([], []))
    seconds: float = 0.0
    logs: Path | None = None
    """Where the processes' logs are, if they were kept."""

    def lines(self) -> list[str]:
        """The report for people."""
        return [
            f"seed {self.seed}: {self.done.total()} disturbances in {self.seconds:.0f} s",
            *(f"  {count:4} {name.replace('_', ' ')}" for name, count in sorted(self.done.items())),
            f"requests accepted: {self.accepted}, refused while PostgreSQL was away: {self.refused.total()}",
            f"runs: {_counts(self.runs)}; attempts: {_counts(self.attempts)}",
            "recoveries, from a loss to the next attempt, by the disturbance before it:",
            *self._recoveries(),
            *truth.table(self.verdicts),
            *(f"  an attempt failed: {line}" for line in self.failed_attempts),
            f"losses: {len(self.violations.losses)}",
            *(f"  {line}" for line in self.violations.losses),
            f"doubles: {len(self.violations.doubles)}",
            *(f"  {line}" for line in self.violations.doubles),
            *([f"logs of the processes: {self.logs}"] if self.logs else []),
        ]

    def _recoveries(self) -> list[str]:
        by_kind: dict[str, list[float]] = {"all": [one.seconds for one in self.recoveries]}
        for one in sorted(self.recoveries, key=lambda one: one.kind):
            by_kind.setdefault(one.kind, []).append(one.seconds)
        return [
            f"  {len(seconds):4} {kind.replace('_', ' '):34} p50 {quantile(seconds, 0.50):5.1f} s, "
            f"p99 {quantile(seconds, 0.99):5.1f} s"
            for kind, seconds in by_kind.items()
        ]


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counted.items())) or "none"


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which that part of `values` lies; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def say(message: str) -> None:
    """Progress, for people."""
    click.echo(message, err=True)


def run(seed: int, count: int, *, with_web: bool = True, keep_logs: bool = False) -> Report:
    """Disturb a house `count` times and audit it. Raises NotUp."""
    logs = Path(tempfile.mkdtemp(prefix="safegrid-faults-"))
    report = Report(seed)
    began = time.monotonic()
    with open_house(seed, logs, with_web=with_web) as house:
        asking, first_occurrence = _disturb(house, report, count)
        web_answers = _wait(house, lambda: _web_answers(house), START_S)
        house.stop()
        say("The same requests, undisturbed, on fresh engines")
        house.police.settings.latency = 0
        expected = _undisturbed(house.police.url, [*asking.accepted.values(), work.LAST])
        with _connect(house.settings) as connection:
            report.violations = audit.check(connection, asking.accepted, first_occurrence, expected, house.notes)
            if not web_answers:
                report.violations.losses.append(f"the web does not answer {START_S:.0f} s after the last disturbance")
            _tell(connection, report)
    if report.violations or keep_logs:
        report.logs = logs
    else:
        shutil.rmtree(logs)
    report.seconds = time.monotonic() - began
    return report


def _disturb(house: House, report: Report, count: int) -> tuple[Asking, dt.datetime]:
    """Everything up to the end of the last run. Returns the requests and the first occurrence of the cadence."""
    asking = Asking(house.settings, work.requests(random.Random(f"work {report.seed}"), house.police.published))
    watch = Watch(house.settings)
    first_occurrence = _come_up(house)
    say(f"Up: {', '.join(post.name for post in house.posts)}")
    with watch:
        with asking, Statements(house) as statements, States(house) as states:
            _disturb_all(house, report, count)
            say("Nothing more is done; what is said of it is looked at a little longer")
            house.pause(QUIET_S)
        _end_work(house, asking)
    asking.accepted |= house.notes.asked
    report.accepted, report.refused = asking.asked, asking.refused
    report.verdicts = truth.judge(states.states, statements.statements)
    with _connect(house.settings) as connection:
        report.recoveries = recoveries(connection, report.order, watch.last_seen)
    return asking, first_occurrence


def _disturb_all(house: House, report: Report, count: int) -> None:
    chance = random.Random(f"disturbances {report.seed}")
    kinds = disturbances.possible(house)
    began, previous = time.monotonic(), ""
    for number, disturbance in enumerate(disturbances.order(kinds, count, chance), 1):
        house.pause(chance.uniform(*(SLOW_PAUSES_S if previous in SLOW else PAUSES_S)))
        previous = disturbance.__name__
        at, told = _do(house, disturbance, chance)
        report.done[disturbance.__name__] += 1
        report.order.append(Done(disturbance.__name__, at))
        say(f"[{number:3}/{count} {time.monotonic() - began:6.1f} s] {disturbance.__name__} {told}".rstrip())


def _do(house: House, disturbance: Disturbance, chance: random.Random) -> tuple[dt.datetime, str]:
    """Do it as soon as there is something to do it to. Returns when, and what it did."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        at = dt.datetime.now(dt.UTC)
        if (told := disturbance(house, chance)) is not None:
            return at, told
        house.pause(0.05)
    raise NotUp(f"Nothing was there for {disturbance.__name__} in {START_S:.0f} s")


def _wait(house: House, is_so: Callable[[], bool], longest_s: float) -> bool:
    """Whether it was so in time."""
    until = time.monotonic() + longest_s
    while not is_so():
        if time.monotonic() > until:
            return False
        house.pause(0.2)
    return True


def _come_up(house: House) -> dt.datetime:
    """Wait until all work. Returns the first occurrence of the cadence."""
    with _connect(house.settings) as connection:
        ticked = text("SELECT EXISTS (SELECT FROM runs WHERE job = 'tick' AND state = 'finished')")
        if not _wait(house, lambda: bool(_scalar(connection, ticked)), START_S):
            raise NotUp(f"No run was done within {START_S:.0f} s; look at the logs in {house.logs}")
        first = text(
            "SELECT LEAST(next_due, (SELECT min(occurrence) FROM runs WHERE job = 'tick')) "
            "FROM cadences WHERE job = 'tick'"
        )
        occurrence: dt.datetime = _scalar(connection, first)
    if not _wait(house, lambda: _web_answers(house), START_S):
        raise NotUp(f"The web did not answer within {START_S:.0f} s; look at the logs in {house.logs}")
    return occurrence


def _web_answers(house: House) -> bool:
    """Whether it does, or is not part of this house."""
    if all(post.name != "web" for post in house.posts):
        return True
    port = house.environment["PORT"]
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


def _end_work(house: House, asking: Asking) -> None:
    """No more occurrences; every open run to its end; then the last request."""
    with _connect(house.settings) as connection:
        pauses.pause(connection, "cadence", "tick", "fault harness")
        _wait_for_end(house, connection)
        with Client(house.settings) as client:
            asking.ask(client, work.LAST)
        _wait_for_end(house, connection)


def _wait_for_end(house: House, connection: Connection) -> None:
    still_open = text("SELECT count(*) FROM runs WHERE ended_at IS NULL")
    say(f"Waiting for the end of {_scalar(connection, still_open)} open runs")
    began = time.monotonic()
    # Those that do not end are losses to the audit.
    _wait(house, lambda: _scalar(connection, still_open) == 0, LONGEST_END_S)
    say(f"Waited {time.monotonic() - began:.1f} s")


def _undisturbed(police_url: str, asked: Sequence[Request]) -> Tables:
    """The tables after the same requests, one after the other, in this process."""
    with engines.temporary() as endpoints:
        settings = settings_at(endpoints, police_url)
        prepare(settings)
        # Of equal requests the last one is enough, as it leaves the same. Steps are audited by themselves.
        distinct = {(request.job, repr(request.parameters)): request for request in reversed(asked)}
        with context.open_context(settings) as here:
            for request in reversed(distinct.values()):
                if request.job != "take_steps":
                    catalogue.find(request.job).function(**request.parameters)
            return audit.rows_of(here.connection)


def _tell(connection: Connection, report: Report) -> None:
    with connection.begin():
        report.runs.update(dict(connection.execute(text("SELECT state, count(*) FROM runs GROUP BY 1")).all()))
        outcomes = text("SELECT outcome, count(*) FROM attempts GROUP BY 1")
        report.attempts.update(dict(connection.execute(outcomes).all()))
        failed = text("SELECT runs.job, attempts.error FROM attempts JOIN runs ON id = run_id WHERE outcome = 'failed'")
        report.failed_attempts = [f"{row.job}: {row.error}" for row in connection.execute(failed)]


@contextlib.contextmanager
def _connect(settings: Settings) -> Iterator[Connection]:
    engine = database.create(settings, application="faults audit")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _scalar(connection: Connection, query: TextClause) -> Any:
    with connection.begin():
        return connection.scalar(query)
