"""What is seen is kept, once for a kind and subject, by whoever looks first."""

import datetime as dt
import threading

from sqlalchemy import Connection, Engine

from tests.integration.crimes import change, rows, value
from tests.integration.findings.looking import Looker, look_again, looking
from worker import pauses
from worker.findings import store
from worker.findings.watch import RULES
from worker.settings import Settings


def test_a_finding_keeps_its_beginning_and_ends_once(connection: Connection, looker: Looker) -> None:
    pauses.pause(connection, "queue", "cache", "day-shift")
    first = looker.of("paused")["queue cache"]
    second = looker.of("paused")["queue cache"]
    assert (second.id, second.since) == (first.id, first.since)
    assert second.last_seen > first.last_seen
    pauses.resume(connection, "queue", "cache")
    assert not looker.of("paused")
    pauses.pause(connection, "queue", "cache", "day-shift")
    assert looker.of("paused")["queue cache"].id != first.id


def test_each_rule_is_looked_at_by_one_of_many(engine: Engine, settings: Settings, connection: Connection) -> None:
    with looking(settings, connection) as looker:
        looker.all()
    look_again(connection)
    claimed: list[str] = []

    def claim() -> None:
        with engine.connect() as own:
            claimed.extend(store.claim(own, {rule.name: rule.every_s for rule in RULES}))

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(rule.name for rule in RULES)


def test_what_cannot_be_looked_at_is_neither_told_nor_over(
    connection: Connection, settings: Settings, looker: Looker
) -> None:
    assert "all" in looker.of("no_workers")
    with looking(settings, connection, redis_url="redis://127.0.0.1:9/0") as blind:
        assert not blind.of("no_workers")
        assert blind.of("redis_away")
    assert not looker.passed("no_workers")
    assert "all" in looker.of("no_workers")
    assert value(connection, "SELECT count(*) FROM findings WHERE kind = 'no_workers'") == 1


def test_an_error_of_one_rule_reaches_no_other(connection: Connection, looker: Looker) -> None:
    pauses.pause(connection, "queue", "cache", "day-shift")
    change(connection, "ALTER TABLE areas RENAME TO no_areas")
    found = looker.all()
    assert ("paused", "queue cache") in found
    assert ("no_crimes", "crimes") not in found


def test_what_passed_long_ago_is_forgotten(connection: Connection, looker: Looker) -> None:
    looker.all()
    change(connection, "UPDATE findings SET resolved_at = now() - interval '400 days', resolved_by = 'a test'")
    pauses.pause(connection, "queue", "cache", "day-shift")
    looker.all()
    assert store.forget(connection, dt.timedelta(days=365)) > 0
    assert ("paused",) in rows(connection, "SELECT kind FROM findings")


def test_a_database_that_refuses_to_write_is_told(connection: Connection, looker: Looker) -> None:
    before = looker.all()
    change(connection, "SET default_transaction_read_only = on")
    found = {(one.kind, one.subject): one for one in looker.watch.current(connection)}
    one = found["postgresql_refuses", "postgresql"]
    assert one.id is None
    assert "read-only" in one.cause
    # What was known before is known still.
    assert found.keys() == {*before, ("postgresql_refuses", "postgresql")}
    change(connection, "SET TRANSACTION READ WRITE; SET default_transaction_read_only = off")
    assert "postgresql_refuses" not in {kind for kind, _ in looker.all()}


def test_what_cannot_be_kept_is_told_all_the_same(connection: Connection, looker: Looker) -> None:
    """As of a disk that is too full for one more row."""
    looker.all()
    change(connection, "ALTER TABLE findings ADD CHECK (kind <> 'paused') NOT VALID")
    pauses.pause(connection, "queue", "cache", "day-shift")
    (one,) = looker.of("paused").values()
    assert (one.subject, one.id) == ("queue cache", None)
    assert looker.of("no_workers")
    change(connection, "ALTER TABLE findings DROP CONSTRAINT findings_kind_check")
    assert looker.of("paused")["queue cache"].id
