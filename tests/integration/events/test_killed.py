"""Workers that are killed between what happens and its delivery, and in the middle of one."""

import os
import signal
from pathlib import Path

from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from tests.integration.events.sending import subscribe
from tests.processes import REQUESTER, kill, safegrid, until, work_horse
from tests.standins.server import Request
from tests.standins.subscriber import EventReceiver
from worker import ledger
from worker.client import Client
from worker.events.deliveries import JOB
from worker.settings import Settings


def test_what_happened_is_delivered_whoever_is_killed(
    settings: Settings, receiver: EventReceiver, tmp_path: Path
) -> None:
    with Client(settings) as client, client.engine.connect() as connection:
        subscribe(connection, receiver.url, "run_ended")
        with safegrid(settings, "worker", "cache", log=tmp_path / "log") as first:
            run_id = client.submit("do_nothing", {}, REQUESTER).run_id
            client.wait(run_id, 60)
            # The run has ended, its delivery has not begun.
            os.killpg(first.pid, signal.SIGKILL)
            first.wait()
        assert receiver.requests == []

        def kill_its_work_horse(_request: Request) -> None:
            receiver.before = lambda _request: None
            kill(work_horse(client, delivery(client)))

        receiver.before = kill_its_work_horse
        with safegrid(settings, "worker", "events", log=tmp_path / "log"):
            until(lambda: len(receiver.requests) == 2, "the event is sent again")
            client.wait(delivery(client), 60)
        assert [body["data"]["task_id"] for body in receiver.bodies] == [run_id] * 2
        assert len(set(receiver.ids)) == 1
        assert {body["sequence"] for body in receiver.bodies} == {1}
        assert ledger.get(connection, delivery(client)).losses == 1


def delivery(client: Client) -> str:
    with client.engine.connect() as connection:
        (found,) = [run.id for run in ledger.latest(connection, 10) if run.job == JOB]
    return str(found)
