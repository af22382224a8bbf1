"""Requests to sources are counted, by all processes together."""

from redis import Redis

from jobs import source_requests
from jobs.context import Context
from jobs.ingestion.police import Police
from tests.integration.crimes import point_at, scattered, served


def test_requests_are_counted_by_what_came_of_them(here: Context) -> None:
    with served(here, scattered(count=3)) as police:
        point_at(here, police)
        for kind in ("status:429", "outage", "reset"):
            police.faults.add(kind, times=1)
        assert Police.of_run(here).months()
    counted = {outcome: n for (source, outcome), n in source_requests.counts(here.cache).items() if source == "police"}
    assert counted == {"ok": 1, "limited": 1, "refused": 0, "failed": 1, "unanswered": 1}


def test_a_redis_that_is_away_costs_a_source_nothing_but_the_count(here: Context) -> None:
    with served(here, scattered(count=3)) as police, Redis(port=1) as away:
        point_at(here, police)
        asking = Police.of(here.settings)
        asking.sent.cache = away
        assert asking.months()
        asking.sent.cache = here.cache
        assert asking.months()
    assert not any(source_requests.counts(here.cache).values())


def test_what_others_wrote_there_is_no_count(here: Context) -> None:
    here.cache.hset(source_requests.KEY, mapping={"police ok": "many", "elsewhere ok": 3, b"\xff": 1})
    assert not any(source_requests.counts(here.cache).values())
