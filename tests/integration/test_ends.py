"""The end of an attempt is written with its true cause, whatever the job says and whatever comes after its work."""

import datetime as dt
import math
import threading
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from redis.exceptions import ReadOnlyError
from sqlalchemy import Connection, text

from jobs import cache, catalogue, context
from jobs.catalogue import FollowUp, job
from jobs.errors import JobError, ParameterError
from jobs.storable import shortened, storable
from worker import attempts, claim, ledger, performing
from worker.errors import EndNotWritten, ResultNotJson
from worker.ledger import Requester
from worker.settings import Settings

ME = Requester("python", "a test")
ODD = "odd \0 and \ud800 text"
PLAIN = "odd \\x00 and \\ud800 text"

did: list[str] = []


@pytest.fixture
def perform(settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Declares a job that does `work`, runs it once as a work-horse does, and returns its row."""
    monkeypatch.setattr(catalogue, "_jobs", dict(catalogue.load()))
    did.clear()

    def perform(work: Callable[[], Any], **declared: Any) -> Any:
        def odd_job() -> Any:
            """Do something odd."""
            did.append("work")
            return work()

        job(queue="cache", slug="odd-job", **declared)(odd_job)
        run_id = ledger.submit(connection, catalogue.find("odd_job"), {}, ME).run_id
        try:
            performing.perform(settings, run_id, "a worker")
        except Exception as error:
            did.append(type(error).__name__)
        return ledger.get(connection, run_id)

    return perform


def say(text: str) -> None:
    structlog.get_logger("safegrid").info(text, of=text)
    context.current().progress(1, 2, text)


def break_with(text: str) -> None:
    raise JobError(text)


def test_odd_texts_are_stored_as_escapes(perform: Any) -> None:
    run = perform(lambda: (say(ODD), {"said": ODD, ODD: [ODD]})[1])
    assert (run.state, run.result) == ("finished", {"said": PLAIN, PLAIN: [PLAIN]})


def test_odd_log_lines_are_stored_as_escapes(connection: Connection) -> None:
    run_id = ledger.submit(connection, catalogue.find("validate_h3_grid_health"), {}, ME).run_id
    assert claim.acquire(connection, run_id)
    claimed = attempts.claim(connection, run_id, "a worker")
    assert claimed is not None
    attempts.finish(connection, claimed, {}, [{"event": ODD, ODD: 1}])
    assert ledger.get(connection, run_id).log == [{"event": PLAIN, PLAIN: 1}]


def test_an_error_with_odd_text_is_the_run_s_error(perform: Any, connection: Connection) -> None:
    run = perform(lambda: break_with(ODD))
    assert (run.state, run.failures, run.error) == ("waiting", 1, f"JobError: {PLAIN}")
    (attempt,) = attempts.of(connection, run.id)
    assert attempt.outcome == "failed"
    assert PLAIN in attempt.traceback


def test_a_checkpoint_with_odd_text_is_kept(perform: Any) -> None:
    run = perform(lambda: context.current().checkpoint({ODD: ODD}))
    assert (run.state, run.checkpoint) == ("finished", {PLAIN: PLAIN})


def test_an_error_as_long_as_a_book_keeps_its_beginning_and_its_end(perform: Any) -> None:
    run = perform(lambda: break_with("first " + "x" * 1_000_000 + " last"))
    assert run.error.startswith("JobError: first ")
    assert run.error.endswith(" last")
    assert len(run.error) < 11_000


@pytest.mark.parametrize("result", [math.nan, {"a": [math.inf]}, object(), {1: {2, object()}}])
def test_a_result_that_json_has_no_words_for_fails_for_good(perform: Any, result: Any) -> None:
    run = perform(lambda: result)
    assert (run.state, did) == ("failed", ["work", ResultNotJson.__name__])


def broken(_result: Any) -> Any:
    raise KeyError("no such key")


@pytest.mark.parametrize(
    ("follow_ups", "named"),
    [
        (broken, "KeyError: 'no such key'"),
        (lambda _: [FollowUp("no_such_job")], "There is no job no_such_job"),
        (lambda _: [FollowUp("rebuild_safety_grid", {"months": 99})], "months: "),
        (lambda _: [None], "AttributeError"),
    ],
)
def test_follow_ups_that_cannot_be_told_fail_the_run_at_once_and_say_so(
    perform: Any, connection: Connection, follow_ups: Any, named: str
) -> None:
    run = perform(lambda: {"done": True}, follow_ups=follow_ups)
    assert (run.state, did) == ("failed", ["work", EndNotWritten.__name__])
    assert named in run.error
    (attempt,) = attempts.of(connection, run.id)
    assert "Traceback" in attempt.traceback


def test_parameters_that_cannot_be_stored_are_refused(connection: Connection) -> None:
    with pytest.raises(ParameterError, match="area: must not contain NUL characters or halves of surrogate pairs"):
        ledger.submit(connection, catalogue.find("ingest_latest_crime_data"), {"area": ODD}, ME)


def test_what_can_be_stored_stays_as_it_is() -> None:
    value = {"text": "grüße 🗺\n", "numbers": [1, 2.5, None, True]}
    assert storable(value) == value
    assert shortened("short") == "short"


def test_a_failure_that_a_full_disk_has_no_room_for_is_noted_when_it_has(perform: Any, connection: Connection) -> None:
    # A sequence counts on, whatever is rolled back: twice there is no room, then there is.
    full = """
        CREATE SEQUENCE refusals;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('refusals') <= 2 THEN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END IF;
            RETURN new;
        END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON runs FOR EACH ROW WHEN (new.failures > old.failures)
            EXECUTE FUNCTION refuse()
    """
    with connection.begin():
        connection.execute(text(full))
    run = perform(lambda: break_with("a full disk"))
    assert (run.state, run.failures, run.losses, run.error) == ("waiting", 1, 0, "JobError: a full disk")
    with connection.begin():
        connection.execute(text("DROP FUNCTION refuse CASCADE; DROP SEQUENCE refusals"))


def test_a_failover_of_redis_costs_no_budget(perform: Any, connection: Connection) -> None:
    run = perform(fail_over)
    assert (run.state, run.failures, run.losses) == ("waiting", 0, 0)
    wait_s = (run.due_at - dt.datetime.now(dt.UTC)).total_seconds()
    assert 0 < wait_s <= performing.FAILOVER_S
    assert [attempt.outcome for attempt in attempts.of(connection, run.id)] == ["stopped"]


def fail_over() -> None:
    raise ReadOnlyError("You can't write against a read only replica.")


def test_a_replica_that_is_made_the_primary_in_time_is_waited_for(settings: Settings) -> None:
    with cache.connect(settings) as redis, cache.connect(settings) as other:
        other.execute_command("REPLICAOF", "127.0.0.1", "1")
        promote = threading.Timer(1, other.execute_command, ["REPLICAOF", "NO", "ONE"])
        promote.start()
        try:
            assert redis.set("a", "b")
        finally:
            promote.join()


def test_a_claim_on_a_server_that_became_a_standby_counts_for_nothing(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert claim.is_held(connection)
    with connection.begin():
        connection.execute(text("CREATE FUNCTION pg_temp.pg_is_in_recovery() RETURNS bool LANGUAGE sql RETURN true"))
    # Stands in for the server's own, which cannot be made to say so.
    monkeypatch.setattr(claim, "_IS_PRIMARY", text("SELECT NOT pg_temp.pg_is_in_recovery()"))
    assert not claim.is_held(connection)
