"""What is done to a house. Each disturbance returns what it did, or none when there was nothing to do it to.

Not among them is a host that is cut off from both servers: tests/integration/test_two_hosts.py does that, by network
namespaces.
"""

import random
from collections.abc import Callable, Sequence

from tests.faults import disk, freezes, junk, kills, single_runs
from tests.faults.house import House

Disturbance = Callable[[House, random.Random], str | None]

KINDS: tuple[Disturbance, ...] = (
    kills.kill_work_horse,
    kills.kill_worker,
    kills.kill_supervisor,
    kills.kill_scheduler,
    kills.kill_web,
    kills.stop_then_kill_supervisor,
    kills.flush_redis,
    kills.restart_redis,
    kills.restart_empty_redis,
    kills.cut_redis_connections,
    kills.kill_postgresql,
    kills.restart_postgresql,
    kills.cut_postgresql_connections,
    freezes.freeze_redis_flows,
    freezes.freeze_postgresql_flows,
    *freezes.STOPS,
    disk.fill_disk,
    junk.put_junk,
    single_runs.ask_for_unknown_job,
    single_runs.cancel_waiting_run,
    single_runs.cancel_queued_run,
    single_runs.cancel_started_run,
    single_runs.cancel_run_between_attempts,
    single_runs.stop_during_ingestion,
)


def possible(house: House) -> list[Disturbance]:
    """Those for which this house has what they are done to."""
    without: set[Disturbance] = set()
    if not any(post.name == "web" for post in house.posts):
        without |= {kills.kill_web, *(stop for stop in freezes.STOPS if stop.__name__.split("_")[1] == "web")}
    if house.disk is None:
        without.add(disk.fill_disk)
    return [kind for kind in KINDS if kind not in without]


def order(kinds: Sequence[Disturbance], count: int, chance: random.Random) -> list[Disturbance]:
    """`count` disturbances in random order, each kind as often as any other or once more."""
    bag: list[Disturbance] = []
    while len(bag) < count:
        bag += chance.sample(kinds, len(kinds))
    bag = bag[:count]
    chance.shuffle(bag)
    return bag
