"""From a request until the job's function begins: Safegrid beside plain RQ and Celery on the same Valkey.

Everything is loaded before. Requests go out one after the other, in turn to each, so that whatever else the machine
does affects all of them. Safegrid's time includes the ledger and the claim.
"""

import contextlib
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from bench.harness import Ratio
from jobs import catalogue
from worker import engines, system
from worker.client import Client
from worker.ledger import Requester
from worker.settings import Settings

ROOT = Path(__file__).parents[1]
WARM_UP, ROUNDS, REQUESTS = 10, 3, 120
GOALS = {"p50": 2.5, "p99": 4.0}
PLAIN_QUEUE = "plain"
JOBS = "tests.jobs_for_tests"
# So that the worker is back at its queue, as it is between the requests of people.
REST_S = 0.03
POLL_S = 0.005
LONGEST_WAIT_S = 60.0

Ask = Callable[[], float]
"""One request; answers how many seconds it took to the job's body."""


def began() -> float:
    """The job of the peers: when its body began, in seconds since 1970."""
    return time.time()


def measure() -> Iterator[Ratio]:
    """p50 and p99 of Safegrid as multiples of those of its peers; medians over the rounds."""
    with engines.temporary() as endpoints, contextlib.ExitStack() as stack:
        peers = {
            "Safegrid": stack.enter_context(_safegrid(endpoints)),
            "plain RQ": stack.enter_context(_plain_rq(endpoints.redis_url)),
        }
        if find_spec("celery"):
            peers["Celery prefork 2"] = stack.enter_context(_celery(endpoints.redis_url))
        rounds = _rounds(peers)
    for name, goals in (("plain RQ", GOALS), ("Celery prefork 2", {})):
        for part, percent in (("p50", 50), ("p99", 99)):
            if name in peers:
                ours, theirs = (_quantile_ms(rounds[peer], percent) for peer in ("Safegrid", name))
                detail = f"{ours:.1f} ms beside {theirs:.1f} ms; {ROUNDS} rounds of {REQUESTS} requests"
                yield Ratio(
                    f"request to job body, {part}, to {name}", ours / theirs, "x", goals.get(part), "lower", detail
                )


def _rounds(peers: dict[str, Ask]) -> dict[str, list[list[float]]]:
    """{peer: seconds of the requests of each round}"""
    rounds: dict[str, list[list[float]]] = {name: [] for name in peers}
    for number in range(ROUNDS + 1):
        taken: dict[str, list[float]] = {name: [] for name in peers}
        for _ in range(REQUESTS if number else WARM_UP):
            for name, ask in peers.items():
                taken[name].append(ask())
                time.sleep(REST_S)
        if number:
            for name, seconds in taken.items():
                rounds[name].append(seconds)
    return rounds


def _quantile_ms(rounds: Sequence[Sequence[float]], percent: int) -> float:
    return 1000 * statistics.median(statistics.quantiles(seconds, n=100)[percent - 1] for seconds in rounds)


@contextlib.contextmanager
def _process(*command: str, **environment: str) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.terminate()


@contextlib.contextmanager
def _safegrid(endpoints: engines.Endpoints) -> Iterator[Ask]:
    """`safegrid worker cache`, with all that belongs to it."""
    import_module(JOBS)
    settings = Settings(database_url=endpoints.database_url, redis_url=endpoints.redis_url)
    system.migrate(settings)
    addresses = {"DATABASE_URL": endpoints.database_url, "REDIS_URL": endpoints.redis_url}
    with (
        _process("worker.cli", "worker", "cache", SAFEGRID_JOB_MODULES=JOBS, LOG_LEVEL="WARNING", **addresses),
        Client(settings, pool=True) as client,
    ):
        asker = Requester("python", "bench")

        def ask() -> float:
            asked = time.time()
            run_id = client.submit("do_nothing", {}, asker).run_id
            return float(client.wait(run_id, LONGEST_WAIT_S).result["began"]) - asked

        yield ask


@contextlib.contextmanager
def _plain_rq(url: str) -> Iterator[Ask]:
    with _process("bench.dispatch", "rq", url), Redis.from_url(url) as redis:
        queue = Queue(PLAIN_QUEUE, connection=redis, serializer=JSONSerializer)

        def ask() -> float:
            asked = time.time()
            job = queue.enqueue(began)
            return float(_wait(lambda: job.return_value(refresh=True))) - asked

        yield ask


def _wait(answer: Callable[[], Any]) -> Any:
    until = time.monotonic() + LONGEST_WAIT_S
    while (found := answer()) is None:
        if time.monotonic() > until:
            raise TimeoutError(f"No answer for {LONGEST_WAIT_S:g} s")
        time.sleep(POLL_S)
    return found


@contextlib.contextmanager
def _celery(url: str) -> Iterator[Ask]:
    task = _celery_app(url).tasks["bench.dispatch.began"]
    with _process("bench.dispatch", "celery", url):

        def ask() -> float:
            asked = time.time()
            return float(task.delay().get(timeout=LONGEST_WAIT_S)) - asked

        yield ask
        # Celery's results ask for their backend when they are collected, and try for minutes where it is gone.
        gc.collect()


def _celery_app(url: str) -> Any:
    path = url.removeprefix("unix://").partition("?")[0]
    app = import_module("celery").Celery("bench", broker=f"redis+socket://{path}", backend=f"redis+socket://{path}")
    app.conf.task_serializer = app.conf.result_serializer = "json"
    app.task(name="bench.dispatch.began")(began)
    return app


def _serve(peer: str, url: str) -> None:
    """Be the worker of a peer, with everything imported that Safegrid's has imported."""
    catalogue.load()
    if peer == "celery":
        _celery_app(url).worker_main(["worker", "--pool=prefork", "--concurrency=2", "--loglevel=WARNING"])
    else:
        redis = Redis.from_url(url)
        Worker([PLAIN_QUEUE], connection=redis, serializer=JSONSerializer).work(logging_level="WARNING")


if __name__ == "__main__":
    _serve(*sys.argv[1:])
