from sqlalchemy import Connection, text

from jobs.models.runs import Run
from tests import jobs_for_tests
from worker import ledger, transport
from worker.client import Client
from worker.ledger import Requester
from worker.settings import Settings
from worker.sweep import sweep

ME = Requester("python", "me")
# As when PostgreSQL goes away between the two transactions of a request.
_NO_PUSHES = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no pushes'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE OF pushes ON runs EXECUTE FUNCTION refuse();
"""


def test_a_push_whose_worker_died_before_it_forked_is_made_again(settings: Settings, connection: Connection) -> None:
    with Client(settings) as client:
        run_id = client.submit(jobs_for_tests.do_nothing.__name__, {}, ME).run_id
        queue = transport.queue("cache", client.redis)
        client.redis.lmove(queue.key, queue.intermediate_queue_key)
        with connection.begin():
            connection.execute(text("UPDATE runs SET pushed_at = now() - interval '1 minute'"))
        assert sweep(connection, client.redis).pushed == 1
        assert queue.get_job_ids() == [transport.rq_id(run_id, 2)]


def test_a_request_whose_delivery_fails_after_it_was_entered_is_accepted(
    settings: Settings, connection: Connection
) -> None:
    with connection.begin():
        connection.execute(text(_NO_PUSHES))
    with Client(settings) as client:
        run_id = client.submit(jobs_for_tests.do_nothing.__name__, {}, ME).run_id
    assert [run.id for run in ledger.latest(connection, 1, Run.state == "waiting")] == [run_id]
