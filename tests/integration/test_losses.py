from sqlalchemy import Connection, Engine, text

from jobs import catalogue
from worker import attempts, claim, ledger
from worker.ledger import Requester


def lose(connection: Connection, engine: Engine, change: str = "SELECT 1") -> int:
    """Begin a run, end its connection, settle it. Returns the losses it has then."""
    run_id = ledger.submit(connection, catalogue.find("rebuild_safety_grid"), {}, Requester("python", "a test")).run_id
    with engine.connect() as other:
        assert claim.acquire(other, run_id)
        assert attempts.claim(other, run_id, "a worker")
    begun = ledger.get(connection, run_id)
    with connection.begin():
        connection.execute(text(change))
        attempts.settle_lost(connection, begun)
    run = ledger.get(connection, run_id)
    assert (run.state, [attempt.outcome for attempt in attempts.of(connection, run_id)]) == ("waiting", ["lost"])
    return int(run.losses)


def test_a_dead_work_horse_costs_one_of_the_losses(connection: Connection, engine: Engine) -> None:
    assert lose(connection, engine) == 1


def test_a_restart_of_postgresql_costs_none(connection: Connection, engine: Engine) -> None:
    before_its_start = "UPDATE attempts SET started_at = pg_postmaster_start_time() - interval '1 second'"
    assert lose(connection, engine, before_its_start) == 0
