"""/metrics."""

import re

from flask.testing import FlaskClient

from tests.web.conftest import BEARER, MakeApp, ask
from worker import junk, pulses
from worker.client import Client

LINE = re.compile(r'(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+-]+)')


def values(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_what_is_told_is_what_the_ledger_says(program: FlaskClient, client: Client) -> None:
    for days in (1, 2):
        ask(program, retention_days=days)
    program.post("/api/v1/admin/queues/cache/pause")
    answer = program.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert all(LINE.fullmatch(line) for line in answer.text.splitlines())
    told = values(answer.text)
    assert told['safegrid_runs{job="cleanup_old_route_history",state="queued"}'] == 2
    assert told['safegrid_queue_depth{queue="maintenance"}'] == 2
    assert told['safegrid_queue_paused{queue="cache"}'] == 1
    assert told['safegrid_queue_oldest_waiting_seconds{queue="maintenance"}'] > 0
    assert told['safegrid_workers{queue="cache",state="idle"}'] == 0
    assert told["safegrid_redis_up"] == 1
    with client.engine.begin() as connection:
        done = "state = 'finished', started_at = clock_timestamp() - interval '5 s', ended_at = clock_timestamp()"
        connection.exec_driver_sql(f"UPDATE runs SET {done}")
    junk.dropped(client.redis, "entry")
    told = values(program.get("/metrics").text)
    assert told['safegrid_junk_dropped{kind="entry"}'] == 1
    assert 5 <= told['safegrid_run_duration_seconds{job="cleanup_old_route_history",stat="median"}'] < 10
    assert told['safegrid_last_success_timestamp_seconds{job="cleanup_old_route_history"}'] > 1.7e9


def test_it_needs_a_token_or_a_sign_in(visitor: FlaskClient) -> None:
    answer = visitor.get("/metrics")
    assert answer.status_code == 401
    assert "Authorization: Bearer" in answer.json["detail"]


def test_in_production_a_token_is_enough_over_http(make_app: MakeApp) -> None:
    """Prometheus asks from inside, past the router that has TLS; nobody else may."""
    inside = make_app(app_env="production").test_client()
    answer = inside.get("/metrics", headers=BEARER)
    assert (answer.status_code, answer.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert inside.get("/metrics").status_code == 401
    assert inside.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert inside.get("/", headers=BEARER).status_code == 403


def test_workers_whose_keys_were_lost_are_not_told_to_be_none(program: FlaskClient, client: Client) -> None:
    with client.engine.connect() as connection:
        pulses.beat(connection, "sweep")
    assert "safegrid_workers{" not in program.get("/metrics").text
    with client.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE pulses SET beat_at = beat_at - interval '1 min'")
        connection.exec_driver_sql("UPDATE finding_looks SET claimed_at = 'epoch'")
    assert values(program.get("/metrics").text)['safegrid_workers{queue="cache",state="idle"}'] == 0


def test_redis_away_is_a_metric(make_app: MakeApp) -> None:
    told = values(make_app(redis_url="redis://127.0.0.1:9/0").test_client().get("/metrics", headers=BEARER).text)
    assert told["safegrid_redis_up"] == 0


def test_labels_are_escaped(program: FlaskClient, client: Client) -> None:
    ask(program)
    with client.engine.begin() as connection:
        connection.exec_driver_sql("""UPDATE runs SET job = 'a"b\\c\nd'""")
    assert 'safegrid_runs{job="a\\"b\\\\c\\nd",state="queued"} 1.0\n' in program.get("/metrics").text
