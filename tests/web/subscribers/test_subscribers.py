"""Subscribers on their page and in the API: the secret is shown once, the address never."""

import re

from flask.testing import FlaskClient

from tests.integration.events.sending import due, note
from tests.web.conftest import ADMIN, MakeApp, csrf_token
from worker.client import Client

URL = "https://hooks.example.org/a-token"
SUBSCRIBERS = f"{ADMIN}/subscribers"


def test_a_program_adds_renews_and_deletes_one(program: FlaskClient, client: Client) -> None:
    wanted = {"name": "app", "url": URL, "kinds": ["grid_published", "run_ended"]}
    made = program.post(SUBSCRIBERS, json=wanted)
    assert made.status_code == 201
    (one,) = program.get(SUBSCRIBERS).json["subscribers"]
    assert (one["id"], one["name"], one["host"], one["last_number"]) == (made.json["id"], "app", "hooks.example.org", 0)
    secret = program.post(f"{SUBSCRIBERS}/{one['id']}/secret").json["secret"]
    assert secret != made.json["secret"]
    assert not [word for word in (secret, "a-token") if word in program.get(SUBSCRIBERS).text]
    with client.engine.connect() as connection:
        note(connection, *range(3))
        due(connection)
    page = program.get(f"{SUBSCRIBERS}/{one['id']}/deliveries", query_string={"limit": 2}).json
    assert [(row["number"], row["kind"], row["state"]) for row in page["deliveries"]] == [
        (3, "grid_published", "waiting"),
        (2, "grid_published", "waiting"),
    ]
    older = program.get(f"{SUBSCRIBERS}/{one['id']}/deliveries", query_string={"before": page["next"]}).json
    assert [row["number"] for row in older["deliveries"]] == [1]
    assert program.delete(f"{SUBSCRIBERS}/{one['id']}").json == {"changed": True}
    assert client.run(page["deliveries"][0]["task_id"]).state == "cancelled"
    assert program.delete(f"{SUBSCRIBERS}/{one['id']}").status_code == 404
    assert program.get(f"{SUBSCRIBERS}/{one['id']}/deliveries").status_code == 404
    refused = program.post(SUBSCRIBERS, json={**wanted, "url": "http://hooks.example.org/a-token"})
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["url"])
    assert "a-token" not in refused.text


def test_people_add_one_see_what_was_sent_and_send_it_again(browser: FlaskClient, client: Client) -> None:
    form = {"csrf_token": csrf_token(browser), "name": "app", "url": "http://example.org/a-token"}
    assert browser.get("/subscribers/").text.count(" checked>") == 5
    refused = browser.post("/subscribers/", data={**form, "kinds": ["run_ended"]})
    assert refused.status_code == 422
    assert refused.text.count(" checked>") == 1
    assert 'value="http://example.org/a-token"' in refused.text
    assert re.search(r'Url must be an https.*?value="run_ended" checked', refused.text, re.DOTALL)
    made = browser.post("/subscribers/", data={**form, "url": URL, "kinds": ["grid_published"]}).text
    assert re.search(r'class="secret">whsec_', made)
    with client.engine.connect() as connection:
        note(connection, 7)
        (run_id,) = due(connection)
    listed = browser.get("/subscribers/").text
    assert "1 event, 1 pending" in listed
    assert not [word for word in ("whsec_", "a-token") if word in listed]
    (address,) = set(re.findall(r'href="(/subscribers/\d+)"', listed))
    page = browser.get(address).text
    assert f'href="/runs/{run_id}"' in page
    again = dict(re.findall(r'name="(subscriber|number)" value="(\d+)"', page))
    client.cancel(run_id, "me")
    sent = browser.post("/jobs/deliver-event", data={"csrf_token": csrf_token(browser), **again})
    assert sent.location.startswith("/runs/")
    assert sent.location != f"/runs/{run_id}"
    browser.post(f"{address}/delete", data={"csrf_token": csrf_token(browser)})
    assert "No subscribers yet" in browser.get("/subscribers/").text
    assert browser.get(address).status_code == 404


def test_a_viewer_sees_none(make_app: MakeApp, program: FlaskClient) -> None:
    token = program.post(f"{ADMIN}/tokens", json={"name": "wall", "role": "viewer"}).json["token"]
    viewer = make_app().test_client(use_cookies=False)
    assert viewer.get(SUBSCRIBERS, headers={"Authorization": f"Bearer {token}"}).status_code == 403
