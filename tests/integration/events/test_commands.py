"""`safegrid subscriber`: added, listed and deleted; the secret is printed once and never again."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from worker.cli import subscribers
from worker.settings import Settings

URL = "https://hooks.example.org/a-token"


@pytest.fixture
def terminal(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setattr("worker.settings.read", lambda: settings)
    return CliRunner()


def call(terminal: CliRunner, *arguments: str) -> Result:
    return terminal.invoke(subscribers.subscriber, arguments)


def test_a_subscriber_is_added_listed_renewed_and_removed(terminal: CliRunner, tmp_path: Path) -> None:
    secret = call(terminal, "add", "app", URL, "--kind", "run_ended").stdout.strip()
    assert secret.startswith("whsec_")
    (tmp_path / "secret").write_text("a secret of their own making\n".replace(" ", "-"))
    given = call(terminal, "add", "other", URL, "--secret-file", str(tmp_path / "secret"))
    assert given.stdout == ""
    renewed = call(terminal, "new-secret", "app").stdout.strip()
    assert renewed.startswith("whsec_")
    assert renewed != secret
    listed = call(terminal, "list", "--json").stdout
    assert [(one["name"], one["host"], len(one["kinds"])) for one in json.loads(listed)] == [
        ("app", "hooks.example.org", 1),
        ("other", "hooks.example.org", 5),
    ]
    shown = listed + call(terminal, "list").stdout
    assert not [word for word in ("whsec_", "a-token", "of-their-own") if word in shown]
    assert call(terminal, "remove", "app").exit_code == 0
    assert "There is no subscriber app" in str(call(terminal, "remove", "app").exception)
    assert "is in use" in str(call(terminal, "add", "other", URL).exception)
