"""A simulated house: what can be done in it, and what was, so that it can be judged."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Array
from typing import Any

import redis
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from jobs import catalogue
from jobs.catalogue import Job
from tests.simulation.processes import Killed, Processes, is_accident, pid_of
from worker import attempts, claim, follow_ups, ledger, occurrences, pauses, sweep, transport
from worker.attempts import Claimed
from worker.errors import ClaimLost, UnknownHere, WrongState
from worker.ledger import Requester
from worker.settings import Settings
from worker.sweeping import Sweeper, Told

ME = Requester("python", "the simulation")
QUEUES = ("ingestion", "maintenance", "cache")
TABLES = ("attempts", "runs", "pauses", "cadences")
HOUR_S = 3600


@dataclass
class WorkHorse:
    """A process that has claimed a run, and is at work on it."""

    connection: Connection
    claimed: Claimed
    pid: int
    """Of its session in PostgreSQL."""
    is_frozen: bool = False


class House:
    """Every process does one thing, and is gone but for the work-horses."""

    def __init__(self, settings: Settings, processes: Processes, jobs: dict[str, Job]) -> None:
        self.settings = settings
        self.processes = processes
        self.jobs = jobs
        self.redis = processes.redis
        self.log: list[Any] = []
        """What everybody logged."""
        self.work_horses: list[WorkHorse] = []
        self.runs: list[str] = []
        """Every run that somebody was told of, in that order."""
        self.cancelled: dict[str, int] = {}
        """{run: its attempt when it was cancelled}, until somebody retries it."""
        self.retries: Counter[str] = Counter()
        self.killed_from_outside: set[str] = set()
        self.is_spoilt = False
        """Whether there is junk on the lists."""
        self._sweeper = self._new_sweeper()
        self._empty()
        with processes.process() as connection:
            occurrences.reconcile(connection, jobs, dt.datetime.now(dt.UTC))
            self.first_occurrence = occurrences.schedule(connection)["hourly"]

    def _empty(self) -> None:
        self.redis.flushall()
        for table in TABLES:
            self.processes.admin.execute(text(f"DELETE FROM {table}"))

    def close(self) -> None:
        for work_horse in self.work_horses:
            self.processes.end(work_horse.pid)
            work_horse.connection.close()

    # What people do.

    def submit(self, name: str, number: int) -> None:
        job = self.jobs[name]
        with self.processes.process() as connection:
            submission = ledger.submit(connection, job, {"number": number}, ME)
            self._told_of(submission.run_id)
            if submission.is_new:
                sweep.deliver(connection, self.redis, job, submission.run_id)

    def cancel(self, run_id: str) -> None:
        with self.processes.process() as connection:
            try:
                state = ledger.cancel(connection, run_id, "me")
            except WrongState:
                return
            run = self.rows()[run_id]
            self.cancelled[run_id] = run.attempt
            if state == "started":
                transport.stop(self.redis, transport.rq_id(run_id, run.pushes))

    def retry(self, run_id: str) -> None:
        with self.processes.process() as connection:
            try:
                ledger.retry(connection, run_id)
            except WrongState:
                return
            self._retried(run_id)

    def purge(self, queue: str) -> None:
        with self.processes.process() as connection:
            ledger.purge(connection, queue, "me")

    def pause(self, kind: str, name: str) -> None:
        with self.processes.process() as connection:
            pauses.pause(connection, kind, name, "me")

    def resume(self, kind: str, name: str) -> None:
        with self.processes.process() as connection:
            pauses.resume(connection, kind, name)

    # What processes do.

    def sweep(self) -> None:
        """A round of the process that sweeps: cadences, lost attempts, follow-ups, junk, cancels, pushes."""
        if self.is_spoilt:
            self._sweeper = self._new_sweeper()
        with self.processes.process() as connection:
            self._sweeper.go_round(connection, self.redis, QUEUES)
        self.is_spoilt = False

    def _new_sweeper(self) -> Sweeper:
        """One that does at once what it does seldom, such as looking for junk."""
        return Sweeper(self.settings, self.jobs, Told(Array("i", len(QUEUES)), Array("i", len(QUEUES))))

    def take(self, queue: str, *, known: frozenset[str], requeued: bool = False) -> None:
        """A work-horse takes what is next on the list, and claims it. known: the jobs of its version."""
        entry = self.redis.lpop(f"rq:queue:{queue}")
        run_id = transport.run_of(entry.decode(errors="replace")) if isinstance(entry, bytes) else None
        if run_id is None:
            return
        connection = self.processes.work_horse()
        pid = pid_of(connection)
        try:
            claimed = self._claim(connection, run_id, known, requeued)
        except BaseException as error:
            self.processes.end(pid)
            _close(connection)
            if isinstance(error, UnknownHere):
                self._leave_unknown(run_id, error.job)
                return
            raise
        if claimed is None:
            self.processes.end(pid)
            _close(connection)
            return
        self.work_horses.append(WorkHorse(connection, claimed, pid))

    def _claim(self, connection: Connection, run_id: str, known: frozenset[str], requeued: bool) -> Claimed | None:
        if not claim.acquire(connection, run_id):
            return None
        run = self.rows().get(run_id)
        was_failed = requeued and run is not None and run.state == "failed"
        claimed = attempts.claim(connection, run_id, "a worker", requeued=requeued, known=known)
        if claimed and was_failed:
            self._retried(run_id)
        return claimed

    def _leave_unknown(self, run_id: str, job: str) -> None:
        with self.processes.process() as connection:
            ledger.leave_unknown(connection, run_id, job, sweep.UNKNOWN_WAIT)

    # What work-horses do.

    def checkpoint(self, one: WorkHorse) -> None:
        with self.processes.process() as connection:
            attempts.checkpoint(connection, one.claimed, {"attempt": one.claimed.attempt})

    def finish(self, one: WorkHorse) -> None:
        def end(connection: Connection) -> None:
            job = self.jobs[one.claimed.job]
            next_runs = follow_ups.asked_for(self.settings, job, {})
            begun = attempts.finish(connection, one.claimed, {}, [], next_runs)
            for run_id, (following, _) in zip(begun, next_runs, strict=True):
                self._told_of(run_id)
                sweep.deliver(connection, self.redis, following, run_id)

        self._end(one, end)

    def fail(self, one: WorkHorse, *, for_good: bool) -> None:
        delay = None if for_good else self.jobs[one.claimed.job].retry_delay_s
        self._end(one, lambda connection: attempts.fail(connection, one.claimed, "it broke", "", [], delay))

    def stop(self, one: WorkHorse) -> None:
        """The worker goes down, or heard that the run is cancelled."""
        is_cancelled = bool(self.rows()[one.claimed.run_id].cancel_requested_by)
        leave = attempts.cancelled if is_cancelled else attempts.hand_back
        self._end(one, lambda connection: leave(connection, one.claimed, []))

    def _end(self, one: WorkHorse, end: Callable[[Connection], Any]) -> None:
        """As in `worker.performing`: whose connection was cut says that it lives, through another."""
        try:
            end(one.connection)
        except Killed:
            self._gone(one)
            raise
        except (ClaimLost, DBAPIError) as error:
            if isinstance(error, DBAPIError) and not is_accident(error):
                raise
            if not claim.is_held(one.connection):
                self._gone(one)
                self._excuse(one)
                return
        except redis.RedisError:
            pass
        self._gone(one)

    def _excuse(self, one: WorkHorse) -> None:
        with self.processes.process() as connection:
            attempts.excuse(connection, one.claimed)

    def _gone(self, one: WorkHorse) -> None:
        if one in self.work_horses:
            self.work_horses.remove(one)
            self.processes.end(one.pid)
            _close(one.connection)

    def kill(self, one: WorkHorse) -> None:
        self._gone(one)

    def kill_for_memory(self, one: WorkHorse) -> None:
        """Its supervisor says why, and kills it."""
        self.killed_from_outside.add(one.claimed.run_id)
        with self.processes.process() as connection:
            attempts.fail_dead(connection, one.claimed.run_id, "too much memory")
        self._gone(one)

    def cut(self, one: WorkHorse) -> None:
        """Its connection is gone, and it lives."""
        self._gone(one)
        self._excuse(one)

    # What happens.

    def pass_time(self, seconds: float) -> None:
        """All that was is longer ago. Who is alive says so; of the cadences only whole hours pass."""
        passed = dt.timedelta(seconds=seconds)
        whole = passed if seconds % HOUR_S == 0 else dt.timedelta()
        for change, by in (
            (
                "runs SET due_at = due_at - :by, pushed_at = pushed_at - :by, unknown_since = unknown_since - :by",
                passed,
            ),
            # Not when it began: an attempt from before PostgreSQL was started costs nothing, and ours is young.
            ("attempts SET beat_at = coalesce(beat_at, started_at) - :by", passed),
            # By way of another millennium: two occurrences may not meet, not even in between.
            ("runs SET occurrence = occurrence - :by + interval '400000 days'", whole),
            ("runs SET occurrence = occurrence - interval '400000 days'", whole),
            ("cadences SET next_due = next_due - :by", whole),
        ):
            self.processes.admin.execute(text(f"UPDATE {change}"), {"by": by})
        self.first_occurrence -= whole
        for one in self.work_horses:
            if not one.is_frozen:
                query = "UPDATE attempts SET beat_at = now() WHERE run_id = :run_id AND number = :attempt"
                self.processes.admin.execute(
                    text(query), {"run_id": one.claimed.run_id, "attempt": one.claimed.attempt}
                )

    # What is known.

    def rows(self) -> dict[str, Any]:
        """{run: its row and the numbers of its attempts that have not ended}, in the order in which they were asked."""
        query = text(
            "SELECT *, array(SELECT number FROM attempts WHERE run_id = id AND attempts.ended_at IS NULL) AS at_work "
            "FROM runs ORDER BY created_at, occurrence, id"
        )
        return {row.id: row for row in self.processes.admin.execute(query)}

    def _told_of(self, run_id: str) -> None:
        if run_id not in self.runs:
            self.runs.append(run_id)

    def _retried(self, run_id: str) -> None:
        self.retries[run_id] += 1
        self.cancelled.pop(run_id, None)
        self.killed_from_outside.discard(run_id)


def _close(connection: Connection) -> None:
    connection.invalidate()
    connection.close()


def whole_catalogue() -> frozenset[str]:
    """What a process of the newest version knows."""
    return frozenset(catalogue.load())
