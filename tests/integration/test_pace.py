"""The source's limit is kept by everybody together."""

from concurrent.futures import ThreadPoolExecutor

from redis import Redis

from jobs.context import Context
from jobs.ingestion import pulling
from jobs.ingestion.pace import BURST, Pace
from jobs.ingestion.run import ingest_month_on_demand
from tests.integration.crimes import point_at, scattered, served


def test_turns_come_at_the_rate_once_the_burst_is_used_up(here: Context) -> None:
    # So slow that no time passes beside it.
    paces = [Pace(here.cache, "a source", rate=0.01) for _ in range(2)]
    waits = [pace.take_turn() for _ in range(BURST // 2) for pace in paces]
    assert waits == [0] * BURST
    later = [pace.take_turn() for _ in range(3) for pace in paces]
    assert [round(wait / 100) for wait in later] == [1, 2, 3, 4, 5, 6]
    assert Pace(here.cache, "another source", rate=0.01).take_turn() == 0


def test_everybody_waits_when_the_source_turns_one_away(here: Context) -> None:
    ours, theirs = (Pace(here.cache, "a strict source", rate=0.01) for _ in range(2))
    assert ours.take_turn() == 0
    ours.turned_away(50)
    assert [round(theirs.take_turn() / 10) for _ in range(2)] == [15, 25]
    ours.turned_away(20)
    assert round(theirs.take_turn() / 10) == 35


def test_a_redis_that_is_away_leaves_the_pace_of_one(here: Context) -> None:
    with Redis(port=1) as away:
        alone = Pace(away, "a source", rate=20)
        alone.turned_away(30)
        assert alone.take_turn() == 0.05


def test_two_runs_at_once_are_never_turned_away(here: Context) -> None:
    with served(here, scattered(count=400), cap=30, rate=15, burst=30) as police:
        point_at(here, police, police_rate=15)

        def pull(_: int) -> None:
            asking = pulling.Police.of(here.settings, Pace.of(here.settings, here.cache))
            for _ in range(30):
                asking.last_updated()

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(pull, range(2)))
        ingest_month_on_demand(2024, 1)
        assert {call.status for call in police.requests} <= {200, 503}
        assert len(police.requests) > 90


def test_no_limit_is_kept_where_none_is_set(here: Context) -> None:
    assert Pace.of(here.settings.model_copy(update={"police_rate": 0}), here.cache) is None
