"""What ends processes, servers and connections."""

import os
import random
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from redis import Redis
from sqlalchemy import text

from jobs import database
from tests.faults.house import House
from worker import transport

LONGEST_DOWN_S = 2.0
# A supervisor has 10 s: the later kill finds it at any stage of its stop, or gone.
LONGEST_STOP_S = 5.0

_CUT = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE application_name LIKE 'safegrid%' AND pid <> pg_backend_pid()"
)


def kill_work_horse(house: House, chance: random.Random) -> str | None:
    """kill -9 of a process that does a run."""
    return _kill_one([horse.pid for horse in house.work_horses()], chance)


def kill_worker(house: House, chance: random.Random) -> str | None:
    """kill -9 of a worker process, or of a sweep: a child of a supervisor."""
    return _kill_one([worker.pid for worker in house.workers()], chance)


def kill_supervisor(house: House, chance: random.Random) -> str | None:
    """kill -9 of a supervisor."""
    return _kill_named(house, chance, "worker")


def kill_scheduler(house: House, chance: random.Random) -> str | None:
    """kill -9 of a scheduler."""
    return _kill_named(house, chance, "scheduler")


def kill_web(house: House, chance: random.Random) -> str | None:
    """kill -9 of the web."""
    return _kill_named(house, chance, "web")


def stop_then_kill_supervisor(house: House, chance: random.Random) -> str | None:
    """SIGTERM of a supervisor, and SIGKILL at any moment after it."""
    pids = [post.pid for post in house.named("worker") if post.pid]
    if not pids:
        return None
    pid, seconds = chance.choice(pids), chance.uniform(0, LONGEST_STOP_S)
    send(pid)
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(post.pid == pid for post in house.named("worker")):
        house.pause(0.02)
    send(pid, signal.SIGKILL)
    return f"{pid}, SIGKILL up to {seconds:.2f} s after SIGTERM"


def flush_redis(house: House, chance: random.Random) -> str | None:
    """FLUSHALL."""
    with transport.connect(house.settings) as redis:
        redis.flushall()
    return ""


def restart_redis(house: House, chance: random.Random) -> str | None:
    """kill -9 of Redis, which comes back on its append-only file."""
    return _restart_redis(house, chance, keep=True)


def restart_empty_redis(house: House, chance: random.Random) -> str | None:
    """kill -9 of Redis, which comes back with nothing."""
    return _restart_redis(house, chance, keep=False)


def cut_redis_connections(house: House, chance: random.Random) -> str | None:
    """CLIENT KILL of every connection to Redis."""
    with transport.connect(house.settings) as redis:
        return f"{redis.client_kill_filter(_type='normal', skipme=True)} connections"


def kill_postgresql(house: House, chance: random.Random) -> str | None:
    """kill -9 of the postmaster."""
    return _restart_postgresql(house, chance, signal.SIGKILL)


def restart_postgresql(house: House, chance: random.Random) -> str | None:
    """A fast stop of PostgreSQL, and a new start."""
    return _restart_postgresql(house, chance, signal.SIGINT)


def cut_postgresql_connections(house: House, chance: random.Random) -> str | None:
    """pg_terminate_backend of every connection to PostgreSQL."""
    engine = database.create(house.settings, application="faults")
    try:
        with engine.begin() as connection:
            return f"{connection.scalar(_CUT)} connections"
    finally:
        engine.dispose()


def _kill_named(house: House, chance: random.Random, name: str) -> str | None:
    return _kill_one([post.pid for post in house.named(name) if post.pid], chance)


def _kill_one(pids: Sequence[int], chance: random.Random) -> str | None:
    if not pids:
        return None
    pid = chance.choice(pids)
    send(pid, signal.SIGKILL)
    return str(pid)


def send(pid: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Send the process a signal if it is there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _restart_redis(house: House, chance: random.Random, *, keep: bool) -> str:
    with transport.connect(house.settings) as redis:
        pid = _pid_of(redis)
    os.kill(pid, signal.SIGKILL)
    if not keep:
        _wait_for_end(pid)
        data = house.folder / "valkey"
        shutil.rmtree(data / "appendonlydir")
        for snapshot in data.glob("*.rdb"):
            snapshot.unlink()
    return _come_back(house, chance)


def _restart_postgresql(house: House, chance: random.Random, number: signal.Signals) -> str:
    os.kill(int((house.folder / "postgres" / "postmaster.pid").read_text().split()[0]), number)
    return _come_back(house, chance)


def _come_back(house: House, chance: random.Random) -> str:
    down = chance.uniform(0, LONGEST_DOWN_S)
    house.pause(down)
    house.engines.ensure()
    return f"down for {down:.2f} s and its start"


def _pid_of(redis: Redis) -> int:
    return int(redis.info("server")["process_id"])


def _wait_for_end(pid: int) -> None:
    while Path(f"/proc/{pid}/cwd").exists():
        time.sleep(0.01)
