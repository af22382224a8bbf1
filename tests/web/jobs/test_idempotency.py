"""Two callers with one key at once get one task: a caller who asks again did not wait for the first response."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from apiflask import APIFlask

from tests.web.conftest import BEARER, TASKS, MakeApp
from web.jobs import api, submission
from worker.client import Client

HEADERS = {**BEARER, "Idempotency-Key": "one"}


def send(app: APIFlask, **parameters: Any) -> Any:
    return app.test_client().post(f"{TASKS}/cleanup-history", json=parameters, headers=HEADERS)


def first_comes_another(monkeypatch: pytest.MonkeyPatch, app: APIFlask, client: Client, **parameters: Any) -> list[str]:
    """Between a caller's look at the key and their request, another asks and their task ends. Returns its id."""
    asked: list[str] = []
    submit = submission.submit

    def late(*args: Any) -> Any:
        monkeypatch.setattr(api.submission, "submit", submit)
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(send, app, **parameters).result()
        asked.append(answer.json["task_id"])
        client.cancel(asked[0], "me")
        return submit(*args)

    monkeypatch.setattr(api.submission, "submit", late)
    return asked


def test_a_caller_who_was_overtaken_is_told_the_task_of_the_other(
    make_app: MakeApp, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    asked = first_comes_another(monkeypatch, app, client)
    answer = send(app)
    assert (answer.status_code, [answer.json["task_id"]]) == (202, asked)
    assert send(app).json["task_id"] == asked[0]


def test_a_caller_who_was_overtaken_by_another_request_is_refused(
    make_app: MakeApp, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    first_comes_another(monkeypatch, app, client, retention_days=30)
    answer = send(app, retention_days=31)
    assert answer.status_code == 422
    assert "another request" in answer.json["detail"]
