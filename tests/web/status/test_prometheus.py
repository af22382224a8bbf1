"""What `deploy/` has for Prometheus and Grafana: promtool reads it, and every metric that it asks for is there."""

import datetime as dt
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from jobs import source_requests
from tests.browser.scene import paint, warm
from tests.conftest import needs
from tests.docs.pages import in_code, tables
from web.settings import Settings
from worker import pulses
from worker.client import Client
from worker.rq import SafegridWorker

DEPLOY = Path(__file__).parents[3] / "deploy"
ALERTS = DEPLOY / "prometheus/alerts.yml"
BOARD = DEPLOY / "grafana/safegrid.json"
NAME = re.compile(r"\bsafegrid_\w+")


def promtool(*arguments: str, given: str | None = None) -> None:
    """Run it; what it says, where it is not content, is the test's failure."""
    needs("promtool (the package prometheus)", shutil.which("promtool") is not None)
    done = subprocess.run(["promtool", *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def panels() -> Iterator[dict[str, Any]]:
    yield from (one for one in json.loads(BOARD.read_text())["panels"] if one["type"] != "row")


def queries() -> list[str]:
    """Those of the board, with Grafana's own names filled in."""
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    return [re.sub(r"\$(queue|job)\b", ".*", one.replace("$__rate_interval", "5m")) for one in found]


@pytest.fixture
def exposition(program: FlaskClient, client: Client, app: Any, tmp_path: Path) -> str:
    """Of a system with a past, and of which something is heard."""
    settings: Settings = app.extensions["safegrid_settings"]
    with client.engine.connect() as connection:
        paint(connection, dt.datetime.now(dt.UTC))
        warm(settings, connection, tmp_path)
        pulses.beat(connection, "sweep")
    worker = SafegridWorker(["cache"], connection=client.redis)
    worker.register_birth()
    worker.heartbeat()
    client.redis.hset("safegrid:junk", "entry", 2)
    return program.get("/metrics").text


def test_every_metric_that_is_asked_for_is_told_and_is_written_as_prometheus_wants_it(exposition: str) -> None:
    told = {line.partition("{")[0].partition(" ")[0] for line in exposition.splitlines() if not line.startswith("#")}
    asked = {name for one in (*queries(), ALERTS.read_text()) for name in NAME.findall(one)}
    assert asked <= told, asked - told
    # Whatever is told is worth looking at.
    assert told <= asked, told - asked
    listed = [in_code(names) for names, _ in tables("docs/deploy.md", "| metric | meaning |")]
    assert {f"safegrid_{name.partition('{')[0]}" for names in listed for name in names} == told
    assert 'safegrid_source_requests_total{outcome="ok",source="weather"} 0.0' not in exposition
    promtool("check", "metrics", given=exposition)


def test_alerts_are_raised_while_it_is_so_and_are_over_afterwards(tmp_path: Path) -> None:
    promtool("check", "rules", str(ALERTS))
    rules = (Path(__file__).parent / "alerts_test.yml").read_text()
    (tmp_path / "test.yml").write_text(rules.replace("- ALERTS\n", f"- {ALERTS}\n", 1))
    promtool("test", "rules", str(tmp_path / "test.yml"))


def test_prometheus_reads_the_configuration() -> None:
    promtool("check", "config", "--syntax-only", str(DEPLOY / "prometheus/prometheus.yml"))


def test_the_board_asks_what_prometheus_understands_and_every_panel_has_a_unit(tmp_path: Path) -> None:
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in panels())
    # promtool parses queries as rules.
    rules = [{"record": f"panel:{index}", "expr": query} for index, query in enumerate(queries())]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}))
    promtool("check", "rules", str(tmp_path / "rules.yml"))


def test_requests_are_told_by_what_came_of_them() -> None:
    outcomes = {200: "ok", 404: "ok", 302: "refused", 403: "refused", 429: "limited", 500: "failed", 503: "failed"}
    assert {status: source_requests.outcome_of(status) for status in outcomes} == outcomes
