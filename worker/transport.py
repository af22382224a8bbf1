"""RQ as the transport: JSON only, one list per queue, and an id of its own for every push."""

import contextlib
import re
from collections.abc import Mapping
from typing import Any, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.command import send_stop_job_command
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from jobs.catalogue import Job
from jobs.problems import as_given
from worker.settings import Settings

TIMEOUT_S = 5.0
# Longer than any command that waits.
HEALTH_CHECK_S = 30
RESULT_TTL_S = 24 * 3600
FAILURE_TTL_S = 7 * 24 * 3600
_RUN = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_\d+")


def impatient(url: str, patience_s: float) -> Redis:
    """A client for a look at a Redis, which connects on first use. patience_s: for each of two attempts.

    What was cut or frozen may be the connection that it kept: so it asks once more, over a new one.
    """
    retry = Retry(NoBackoff(), retries=1)
    return Redis.from_url(url, socket_connect_timeout=patience_s, socket_timeout=patience_s, retry=retry)


def connect(settings: Settings, timeout_s: float = TIMEOUT_S) -> Redis:
    """A client for the queues; it connects on first use.

    No read is without an end: a connection that is frozen is tried once more, on a new one, and then given up.
    timeout_s: for the answer to one command; RQ's worker, which waits for work in one, makes it longer.
    """
    return Redis.from_url(
        settings.queue_redis_url,
        socket_connect_timeout=TIMEOUT_S,
        socket_timeout=timeout_s,
        health_check_interval=HEALTH_CHECK_S,
        retry=Retry(NoBackoff(), retries=1),
    )


def queue(name: str, redis: Redis) -> Queue:
    """The RQ queue of that name."""
    return Queue(name, connection=redis, serializer=JSONSerializer)


def rq_id(run_id: str, push: int) -> str:
    """RQ's id for one push of a run. A re-used id would let RQ fail the replacement of a lost one."""
    return f"{run_id}_{push}"


def run_of(rq_job_id: str) -> str | None:
    """The run that an RQ job was pushed for; none if others put it on the queue."""
    match = _RUN.fullmatch(rq_job_id)
    return match[1] if match else None


def push(redis: Redis, job: Job, run_id: str, number: int, parameters: Mapping[str, Any]) -> RqJob:
    """Put the run on its RQ list."""
    return queue(job.queue, redis).enqueue_call(
        job.path,
        kwargs=dict(parameters),
        job_id=rq_id(run_id, number),
        description=describe(job.name, parameters),
        timeout=int(job.hard_limit_s),
        result_ttl=RESULT_TTL_S,
        failure_ttl=FAILURE_TTL_S,
    )


def describe(name: str, parameters: Mapping[str, Any]) -> str:
    """The job with its parameters, as people read them: what is left out is not named, and a flag is yes or no."""
    given = ", ".join(f"{key}={as_given(value)}" for key, value in parameters.items() if value is not None)
    return f"{name}({given})"


def waiting_ids(redis: Redis, name: str) -> set[str]:
    """RQ ids that are on the queue's list.

    Those on RQ's list between it and a worker are not among them: they pass it in a moment, or their worker died
    there and RQ would leave them for two minutes.
    """
    entries = cast(list[bytes], redis.lrange(queue(name, redis).key, 0, -1))
    return {entry.decode(errors="backslashreplace") for entry in entries}


def knows(redis: Redis, rq_job_id: str) -> bool:
    """Whether RQ has not forgotten this job."""
    return bool(RqJob.exists(rq_job_id, connection=redis))


def stop(redis: Redis, rq_job_id: str) -> None:
    """Have the worker that is at work on this job kill its work-horse."""
    with contextlib.suppress(NoSuchJobError, InvalidJobOperation):
        send_stop_job_command(redis, rq_job_id, serializer=JSONSerializer)
