import subprocess
import sys

from sqlalchemy import Connection, text

from jobs.models.runs import Run
from tests import jobs_for_tests
from tests.processes import environment
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
_NO_ROOM = """
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER no_room BEFORE INSERT ON attempts EXECUTE FUNCTION no_room();
"""


def work_off(settings: Settings) -> None:
    """Do what is on the list of `cache`, and end."""
    worker = [sys.executable, "-m", "rq.cli", "worker", "-w", "worker.rq.SafegridWorker", "--burst"]
    command = [*worker, "--url", settings.queue_redis_url, "cache"]
    subprocess.run(command, env=environment(settings), check=True, capture_output=True, timeout=60)


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


def test_pushes_that_a_full_disk_keeps_from_being_claimed_cost_the_run_nothing(
    settings: Settings, connection: Connection
) -> None:
    with connection.begin():
        connection.execute(text(_NO_ROOM))
    with Client(settings) as client:
        run_id = client.submit(jobs_for_tests.do_nothing.__name__, {}, ME).run_id
        for _ in range(ledger.MAX_UNCLAIMED_PUSHES + 1):
            work_off(settings)
            with connection.begin():
                connection.execute(text("UPDATE runs SET pushed_at = now() - interval '1 minute'"))
            assert sweep(connection, client.redis).pushed == 1
        assert ledger.get(connection, run_id).unclaimed_pushes == 0
        with connection.begin():
            connection.execute(text("DROP TRIGGER no_room ON attempts"))
        work_off(settings)
    assert ledger.get(connection, run_id).state == "finished"
