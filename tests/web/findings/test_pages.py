"""Findings on their page and in the API: acknowledged, muted, taken back, and who is told of them."""

import re

from flask.testing import FlaskClient

from tests.standins.chats import Chat
from tests.web.conftest import ADMIN, MakeApp, csrf_token, sign_in
from worker.client import Client


def test_a_finding_is_acknowledged_and_taken_back(browser: FlaskClient, client: Client, program: FlaskClient) -> None:
    (finding,) = [one for one in program.get(f"{ADMIN}/findings").json["findings"] if one["kind"] == "no_workers"]
    assert finding["severity"] == "critical"
    form = {"csrf_token": csrf_token(browser), "from": "overview", "hour": "1"}
    answer = browser.post(f"/findings/{finding['id']}/acknowledge", data=form)
    assert answer.location == "/"
    assert "No worker is running" not in browser.get("/").text
    page = browser.get("/findings/").text
    assert re.search(r"No worker is running.*?acknowledged by admin\s+until", page, re.DOTALL)
    assert "no_workers" not in {one["kind"] for one in program.get(f"{ADMIN}/health").json["findings"]}
    address = f"{ADMIN}/findings/{finding['id']}/acknowledge"
    assert program.delete(address).json == {"changed": True}
    assert "No worker is running" in browser.get("/").text
    assert program.post(address, json={}).json == {"changed": True}
    assert program.post(f"{ADMIN}/findings/999999/acknowledge", json={}).status_code == 404
    assert program.post(address, json={"minutes": 0}).status_code == 422


def test_what_passed_is_listed_with_what_ended_it(browser: FlaskClient, client: Client) -> None:
    browser.get("/findings/")
    with client.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE findings SET resolved_at = now(), resolved_by = 'somebody started them' WHERE kind = 'no_workers'"
        )
    page = browser.get("/findings/").text
    assert re.search(r"Resolved.*?No worker is running.*?somebody started them", page, re.DOTALL)


def test_a_viewer_reads_findings_and_changes_none(make_app: MakeApp, program: FlaskClient) -> None:
    token = program.post(f"{ADMIN}/tokens", json={"name": "wall", "role": "viewer"}).json["token"]
    viewer = make_app().test_client(use_cookies=False)
    headers = {"Authorization": f"Bearer {token}"}
    (first, *_) = viewer.get(f"{ADMIN}/findings", headers=headers).json["findings"]
    answer = viewer.post(f"{ADMIN}/findings/{first['id']}/acknowledge", json={}, headers=headers)
    assert answer.status_code == 403


def test_a_test_message_goes_to_everybody_who_is_told(make_app: MakeApp) -> None:
    with Chat("googlechat") as good, Chat("discord", status=500) as bad:
        app = make_app(alert_receivers=f"critical={good.url} {bad.url}")
        browser = app.test_client()
        sign_in(browser)
        page = browser.get("/findings/").text
        assert "severity critical" in page
        assert "T0-secret" not in page
        browser.post("/findings/test-alert", data={"csrf_token": csrf_token(browser)})
        said = browser.get("/findings/").text
    assert "This is a test" in good.texts[0]
    assert re.search(r"Test message: 127\.0\.0\.1 \w+ accepted it", said)
    assert "responded with 500" in said


def test_without_receivers_the_page_says_how_to_have_one(browser: FlaskClient) -> None:
    assert "SAFEGRID_ALERT_RECEIVERS" in browser.get("/findings/").text
