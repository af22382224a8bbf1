"""RQ's classes as Safegrid uses them: `rq worker -w worker.rq.SafegridWorker QUEUE`."""

import ctypes
import os
import signal
import socket
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

import redis
import rq.worker
from redis import Redis, RedisError, ResponseError
from redis.exceptions import ReadOnlyError
from rq.exceptions import NoSuchJobError
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.results import Result
from rq.serializers import JSONSerializer
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from jobs import catalogue
from worker import adoption, junk, liveness, logs, performing, settings, transport
from worker.boundaries import boundary
from worker.errors import NotClaimed
from worker.settings import Settings
from worker.stuck import StoppedWatch

_settings: ContextVar[Settings] = ContextVar("safegrid_worker_settings")
_engine: ContextVar[Engine | None] = ContextVar("safegrid_worker_engine", default=None)
_PR_SET_PDEATHSIG = 1
# Bytes. Ours have a few hundred.
LARGEST_JOB = 2**20
# What RQ would call when a job ends.
_CALLS = (b"success_callback_name", b"failure_callback_name", b"stopped_callback_name", b"webhooks")


class NoJob(Exception):
    """What stands in Redis under the name of a job is none."""


class SafegridJob(Job):
    """A job of RQ whose work is a run of the ledger. JSON, never pickle."""

    def __init__(self, id: str | None = None, connection: Redis | None = None, serializer: Any = None) -> None:
        super().__init__(id, connection, JSONSerializer)

    @classmethod
    def fetch(cls, id: str, connection: Redis, serializer: Any = None) -> "SafegridJob":  # type: ignore[override]
        """The job of that id. What is no job is dropped, as if it had been forgotten: the sweep pushes its run again.

        Raises NoSuchJobError, redis.RedisError.
        """
        key = cls.key_for(id)
        try:
            if (size := connection.memory_usage(key, samples=0) or 0) > LARGEST_JOB:
                raise NoJob(f"{size} bytes")
            return cast(SafegridJob, super().fetch(id, connection, serializer))
        except (NoSuchJobError, redis.ConnectionError, redis.TimeoutError, ReadOnlyError):
            raise
        except Exception as error:
            junk.drop_key(connection, junk.text_of(key), f"no job: {type(error).__name__}: {error}")
            raise NoSuchJobError(f"{key!r} is no job") from error

    def restore(self, raw_data: Any) -> Any:
        """Take the fields of Redis. RQ would import any function that they name and call it, and call any address.

        Raises NoJob.
        """
        packed = raw_data.get(b"data", b"")
        with suppress(zlib.error):
            if len(zlib.decompressobj().decompress(packed, LARGEST_JOB + 1)) > LARGEST_JOB:
                raise NoJob(f"more than {LARGEST_JOB} bytes when it is unpacked")
        super().restore({name: value for name, value in raw_data.items() if name not in _CALLS})
        if calls := sorted(name.decode() for name in _CALLS if raw_data.get(name) not in (None, b"", b"[]")):
            junk.dropped(self.connection, "callback", job=self.id, calls=calls)

    def perform(self) -> Any:
        """Do the run that this job was pushed for; one that others enqueued is entered into the ledger first."""
        chosen = _settings.get()
        worker = f"{socket.gethostname()}:{os.getpid()}"
        run_id = transport.run_of(self.id)
        if run_id is None:
            run_id = adoption.adopt(chosen, self.id, str(self.func_name), self.args, self.kwargs)
            return performing.perform(chosen, run_id, worker, engine=_engine.get())
        return performing.perform(chosen, run_id, worker, requeued=self._failed_before(), engine=_engine.get())

    def _failed_before(self) -> bool:
        """Each push has its own id, so only `rq requeue` brings one back that has failed."""
        result = self.latest_result()
        return result is not None and result.type == Result.Type.FAILED


class SafegridQueue(Queue):
    """A queue of such jobs."""

    job_class = SafegridJob


class SafegridWorker(rq.worker.Worker):
    """A worker of one queue. On SIGTERM its job goes back to the queue; a lost job is found in seconds."""

    job_class = SafegridJob
    queue_class = SafegridQueue
    # An idle worker asks for a Redis that is away again and again, with waits that would grow to a minute.
    max_connection_wait_time = 5.0

    def __init__(self, queues: Sequence[str | Queue], *args: Any, **options: Any) -> None:
        # RQ's command line has made queues of its own class already.
        names = [queue if isinstance(queue, str) else queue.name for queue in queues]
        options.update(job_class=SafegridJob, queue_class=SafegridQueue, serializer=JSONSerializer)
        # A worker says that it is alive each time it has waited `worker_ttl - 15` seconds, or its horse has worked for
        # the monitoring interval; RQ's own recovery wakes as often.
        options.update(worker_ttl=20, maintenance_interval=30, job_monitoring_interval=5)
        super().__init__(names, *args, **options)
        self.settings: Settings | None = None
        self.engine: Engine | None = None
        self._killed_for: str | None = None
        self._stopped = StoppedWatch()
        self._is_put_off = False

    def work(self, *args: Any, **options: Any) -> bool:
        """Work until told to stop. Everything a job imports is imported here, before any fork."""
        self.settings = self.settings or settings.read()
        logs.configure(self.settings)
        catalogue.load()
        self.engine = self.engine or performing.prepare(self.settings)
        return bool(super().work(*args, **options))

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Entry of the work-horse, after the fork."""
        die_with_parent(signal.SIGKILL)
        if self.settings is not None:
            _settings.set(self.settings)
        _engine.set(self.engine)
        super().main_work_horse(job, queue)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Say that this worker is alive, and register it again where its hash was lost, as after a FLUSHALL."""
        if pipeline is None and not self._is_registered():
            # What is left of it, such as a state that was written after the FLUSHALL, would pass for another worker.
            self.connection.delete(self.key)
            self.register_birth()  # type: ignore[no-untyped-call]
            self.set_state(self.get_state())
        if pipeline is None:
            liveness.note(self.connection, self.key)
        super().heartbeat(timeout, pipeline)

    def _is_registered(self) -> bool:
        try:
            return bool(self.connection.hexists(self.key, "birth"))
        except ResponseError:
            # It is no hash.
            return False

    def register_death(self) -> None:
        """Leaving must not fail because Redis is away."""
        with suppress(RedisError):
            super().register_death()  # type: ignore[no-untyped-call]

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        """Wait for a job. RQ's worker would end over a list that is none, at every start until the sweep drops it."""
        try:
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        except ReadOnlyError:
            raise
        except (ResponseError, UnicodeDecodeError):
            junk.drop(self.connection, self.queue_names())
            self.heartbeat()
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)

    def run_maintenance_tasks(self) -> None:
        """RQ's own looks at its registries, which may hold anything."""
        with boundary("maintenance"):
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Called every few seconds while the work-horse is at work: the time to look at its limits."""
        # RQ's worker would end, and its work-horse with it, because Redis is away for a moment.
        with suppress(RedisError):
            self.heartbeat()
            super().maintain_heartbeats(job, execution)
        self._killed_for = self._limit_passed(job)
        if self._stopped.is_over(self.horse_pid):
            # No fault of its run, which is settled as lost and goes to another.
            self.kill_horse(signal.SIGKILL)
        elif self._killed_for:
            # Before the kill: once the claim is free, the sweep may settle the run as lost and begin it again.
            with suppress(SQLAlchemyError):
                self._note_why(job, self._killed_for)
            self.kill_horse(signal.SIGKILL)

    def _limit_passed(self, job: Job) -> str | None:
        """What the work-horse is to be killed for. RQ itself would let it work for another minute."""
        worked_s = time.time() - job.started_at.timestamp() if job.started_at else 0.0
        if 0 < float(job.timeout or 0) < worked_s:
            return "It took longer than its hard limit"
        limit_mb = self.settings.memory_limit_mb if self.settings else 0
        used_mb = resident_mb(self.horse_pid)
        return f"It used {used_mb} MB of memory, over the limit of {limit_mb} MB" if 0 < limit_mb < used_mb else None

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """A job has raised; `handle_job_failure` is called next."""
        self._is_put_off = isinstance(exc_info[1], NotClaimed)
        super().handle_exception(job, *exc_info)

    def handle_job_failure(self, job: Job, *args: Any, **options: Any) -> None:
        """Forget a push that could not be claimed: one that is known counts as that of a work-horse that died."""
        super().handle_job_failure(job, *args, **options)
        if self._is_put_off:
            job.delete()

    def handle_work_horse_killed(self, job: Job, retpid: Any, ret_val: Any, rusage: Any) -> None:
        """The work-horse is gone without a word. Why we killed it is noted again, in case it could not be before."""
        reason, self._killed_for = self._killed_for, None
        if reason:
            self._note_why(job, reason)

    def _note_why(self, job: Job, reason: str) -> None:
        run_id = transport.run_of(job.id)
        if run_id and self.settings:
            performing.fail_dead(self.settings, run_id, reason)

    def setup_work_horse_signals(self) -> None:
        """Until a run is claimed there is nothing to hand back: a work-horse may just go."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def unsubscribe(self) -> None:
        """RQ wakes its listening thread before it stops it, and waits a second for one that listens again by then."""
        if self.pubsub_thread:
            self.pubsub_thread.stop()
        super().unsubscribe()  # type: ignore[no-untyped-call]

    def handle_warm_shutdown_request(self) -> None:
        """Tell the work-horse too, so that its run goes back to the queue."""
        if self.horse_pid:
            self.kill_horse(signal.SIGTERM)


def die_with_parent(number: signal.Signals) -> None:
    """Have the kernel send us this signal when our parent dies. Linux only; elsewhere nothing happens."""
    parent = os.getppid()
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:
        return
    prctl(_PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def resident_mb(pid: int) -> int:
    """Resident memory of a process in MB; 0 when it is gone, or where there is no /proc."""
    with suppress(OSError, IndexError, ValueError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 2**20
    return 0
