"""Real workers, really killed: what was asked for runs, takes effect once, and can be accounted for."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import text

from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from tests.processes import (
    REQUESTER,
    children,
    environment,
    is_alive,
    kill,
    run_command,
    safegrid,
    until,
    work_horse,
)
from worker import attempts, ledger
from worker.client import Client
from worker.settings import Settings

STEPS = {"steps": 8, "seconds": 0.25}


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with Client(settings) as client:
        with client.engine.begin() as connection:
            connection.execute(
                text("CREATE TABLE effects (run_id text, step int, written_at timestamptz DEFAULT clock_timestamp())")
            )
        yield client


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def submit(client: Client, job: str, /, **parameters: Any) -> str:
    return client.submit(job, parameters, REQUESTER).run_id


def outcomes(client: Client, run_id: str) -> list[str | None]:
    with client.engine.connect() as connection:
        return [attempt.outcome for attempt in attempts.of(connection, run_id)]


def steps(client: Client, run_id: str) -> list[int]:
    with client.engine.connect() as connection:
        return list(
            connection.scalars(
                text("SELECT step FROM effects WHERE run_id = :run_id ORDER BY written_at"), {"run_id": run_id}
            )
        )


def under_way(client: Client, run_id: str) -> int:
    """The work-horse of a run that has written its second step."""
    until(lambda: len(steps(client, run_id)) >= 2, "two steps are written")
    return work_horse(client, run_id)


def test_a_run_goes_through_its_queue_and_asks_for_the_next(client: Client, settings: Settings, log: Path) -> None:
    run_id = submit(client, "lead", number=5)
    with safegrid(settings, "worker", "cache", log=log):
        assert client.wait(run_id, 60).result == {"task": "lead", "number": 5}
        [child] = until(lambda: children_of(client, run_id), "the next run is asked for")
        assert client.wait(child, 60).result["number"] == 5
    assert run_id in log.read_text()


def children_of(client: Client, run_id: str) -> list[str]:
    with client.engine.connect() as connection:
        return list(connection.scalars(text("SELECT id FROM runs WHERE parent_id = :id"), {"id": run_id}))


def test_a_killed_work_horse_is_replaced_and_goes_on_where_it_was(
    client: Client, settings: Settings, log: Path
) -> None:
    run_id = submit(client, "take_steps", **STEPS)
    with safegrid(settings, "worker", "maintenance", log=log):
        kill(under_way(client, run_id))
        assert client.wait(run_id, 60).state == "finished"
    assert outcomes(client, run_id) == ["lost", "finished"]
    assert sorted(set(steps(client, run_id))) == list(range(STEPS["steps"]))  # type: ignore[call-overload]


def test_all_processes_go_with_a_killed_supervisor_and_the_next_one_completes_the_run(
    client: Client, settings: Settings, log: Path
) -> None:
    run_id = submit(client, "take_steps", **STEPS)
    with safegrid(settings, "worker", "maintenance", log=log) as supervisor:
        horse = under_way(client, run_id)
        family = [horse, *children(supervisor.pid)]
        kill(supervisor.pid)
        until(lambda: not any(map(is_alive, family)), "its children are gone")
    with safegrid(settings, "worker", "maintenance", log=log):
        assert client.wait(run_id, 60).state == "finished"


def test_a_stopping_worker_hands_its_run_back_at_no_cost(client: Client, settings: Settings, log: Path) -> None:
    run_id = submit(client, "take_steps", steps=200, seconds=0.1)
    with safegrid(settings, "worker", "maintenance", log=log) as supervisor:
        under_way(client, run_id)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(10) == 0
    run = client.run(run_id)
    assert (run.state, run.stops, run.failures, run.losses) == ("waiting", 1, 0, 0)
    assert outcomes(client, run_id) == ["stopped"]
    assert run.checkpoint["step"] == len(steps(client, run_id))


def test_a_stop_reaches_into_a_database_call(client: Client, settings: Settings, log: Path) -> None:
    run_id = submit(client, "take_steps", steps=1, seconds=600)
    with safegrid(settings, "worker", "maintenance", log=log) as supervisor:
        work_horse(client, run_id)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(10) == 0
    assert (client.run(run_id).state, outcomes(client, run_id)) == ("waiting", ["stopped"])


def test_the_soft_limit_bites_inside_a_database_call(client: Client, settings: Settings, log: Path) -> None:
    run_id = submit(client, "wait_in_database", seconds=600)
    with safegrid(settings, "worker", "maintenance", log=log):
        until(lambda: client.run(run_id).failures, "the first attempt fails")
    assert "longer than its limit of 2 s" in client.run(run_id).error


def test_a_work_horse_over_its_memory_limit_is_killed_and_its_run_says_so(
    client: Client, settings: Settings, log: Path
) -> None:
    run_id = submit(client, "take_memory", megabytes=400)
    with safegrid(settings, "worker", "maintenance", log=log, SAFEGRID_MEMORY_LIMIT_MB="300"):
        run = client.wait(run_id, 60)
    assert run.state == "failed"
    assert "over the limit of 300 MB" in run.error


def test_a_work_horse_that_hears_nothing_is_killed_at_its_hard_limit(
    client: Client, settings: Settings, log: Path
) -> None:
    deaf = submit(client, "be_deaf")
    with safegrid(settings, "worker", "maintenance", log=log):
        run = client.wait(deaf, 120)
        assert (run.state, run.error) == ("failed", "It took longer than its hard limit")
        assert outcomes(client, deaf) == ["failed"]
        # Its worker is at hand again.
        assert client.wait(submit(client, "take_steps", steps=1), 60).state == "finished"


def test_failures_are_told_apart(client: Client, settings: Settings, log: Path) -> None:
    may_pass = submit(client, "fail")
    for_good = submit(client, "fail", for_good=True, message="see postgresql://me:secret@somewhere/db")
    no_json = submit(client, "return_no_json")
    with safegrid(settings, "worker", "maintenance", log=log):
        assert client.wait(may_pass, 60).state == "failed"
        assert client.wait(for_good, 60).state == "failed"
        assert "cannot be written as JSON" in client.wait(no_json, 60).error
    assert outcomes(client, may_pass) == ["failed"] * 3
    assert outcomes(client, for_good) == ["failed"]
    assert client.run(for_good).error == "PermanentError: see postgresql://***somewhere/db"
    assert "secret" not in log.read_text()


def test_a_run_survives_a_redis_that_was_wiped(client: Client, settings: Settings, log: Path) -> None:
    run_id = submit(client, "do_nothing", number=3)
    with Redis.from_url(settings.redis_url) as redis:
        redis.flushall()
    with safegrid(settings, "worker", "cache", log=log):
        assert client.wait(run_id, 60).result["number"] == 3


def test_a_request_while_redis_is_away_is_delivered_later(client: Client, settings: Settings, log: Path) -> None:
    with Client(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})) as cut_off:
        run_id = submit(cut_off, "do_nothing", number=4)
    with safegrid(settings, "worker", "cache", log=log):
        assert client.wait(run_id, 60).state == "finished"


def test_a_cancelled_run_stops_at_once_and_is_not_begun_again(client: Client, settings: Settings, log: Path) -> None:
    run_id = submit(client, "take_steps", steps=500)
    with safegrid(settings, "worker", "maintenance", log=log):
        horse = under_way(client, run_id)
        client.cancel(run_id, "me")
        until(lambda: not is_alive(horse), "the work-horse is gone")
        assert client.wait(run_id, 60).state == "cancelled"
    assert outcomes(client, run_id) == ["cancelled"]


def test_a_paused_queue_keeps_its_runs_until_it_is_resumed(client: Client, settings: Settings, log: Path) -> None:
    assert run_command(settings, "pause", "cache").returncode == 0
    run_id = submit(client, "do_nothing", number=1)
    elsewhere = submit(client, "cleanup_old_route_history")
    with safegrid(settings, "worker", log=log):
        assert client.wait(elsewhere, 60).state == "finished"
        assert client.run(run_id).state == "waiting"
        run_command(settings, "resume", "cache")
        assert client.wait(run_id, 60).state == "finished"


def test_busy_queues_get_more_workers_but_not_more_than_four(client: Client, settings: Settings, log: Path) -> None:
    runs = [submit(client, "take_steps", name=str(number), steps=4) for number in range(6)]
    with safegrid(settings, "worker", log=log) as supervisor:
        until(lambda: len(children(supervisor.pid)) == 5, "four workers and a sweep are there")
        for run_id in runs:
            assert client.wait(run_id, 60).state == "finished"
            assert len(children(supervisor.pid)) <= 5
    assert "worker_added" in log.read_text()


def test_an_idle_supervisor_with_all_its_workers_is_small(client: Client, settings: Settings, log: Path) -> None:
    with safegrid(settings, "worker", log=log) as supervisor:
        until(lambda: len(children(supervisor.pid)) == 4, "all are there")
        run_id = submit(client, "do_nothing")
        client.wait(run_id, 60)
        total_kb = sum(proportional_kb(pid) for pid in (supervisor.pid, *children(supervisor.pid)))
    assert total_kb < 300 * 1024


def proportional_kb(pid: int) -> int:
    """Memory of a process, what it shares divided by those who share it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def rq(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rq.cli", *arguments, "-u", settings.redis_url]
    return subprocess.run(command, env=environment(settings), capture_output=True, text=True, timeout=60, check=False)


def test_rq_workers_of_our_class_do_runs_and_adopt_what_rq_enqueues(client: Client, settings: Settings) -> None:
    ours = submit(client, "do_nothing", number=1)
    put = rq(settings, "enqueue", "-S", "json", "-q", "cache", "tests.jobs_for_tests.do_nothing", "number=2")
    assert put.returncode == 0, put.stderr
    worked = rq(settings, "worker", "-w", "worker.rq.SafegridWorker", "-b", "cache")
    assert worked.returncode == 0, worked.stderr
    assert client.run(ours).state == "finished"
    with client.engine.connect() as connection:
        [adopted] = [run for run in ledger.latest(connection, 9) if run.origin == "rq"]
    assert (adopted.state, adopted.parameters) == ("finished", {"number": 2})
    assert "cache" in rq(settings, "info").stdout


def test_rq_requeue_runs_a_failed_run_again(client: Client, settings: Settings) -> None:
    run_id = submit(client, "fail", for_good=True)
    rq(settings, "worker", "-w", "worker.rq.SafegridWorker", "-b", "maintenance")
    assert client.run(run_id).state == "failed"
    again = rq(settings, "requeue", "-S", "json", "--queue", "maintenance", "--all")
    assert again.returncode == 0, again.stderr
    rq(settings, "worker", "-w", "worker.rq.SafegridWorker", "-b", "maintenance")
    assert outcomes(client, run_id) == ["failed", "failed"]


def test_what_rq_empty_throws_away_is_delivered_again(client: Client, settings: Settings, log: Path) -> None:
    run_id = submit(client, "do_nothing")
    assert rq(settings, "empty", "cache").returncode == 0
    with safegrid(settings, "worker", "cache", log=log):
        assert client.wait(run_id, 60).state == "finished"
