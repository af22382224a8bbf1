"""Queues beyond our own, for jobs of further modules."""

import subprocess
import sys
from pathlib import Path

import pytest

from jobs import catalogue
from jobs.catalogue import DeclarationError, job
from jobs.errors import SettingsError


def test_a_queue_can_be_declared_for_the_jobs_of_further_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_jobs", dict(catalogue.load()))

    def reindex() -> None:
        """Reindex."""

    with pytest.raises(DeclarationError, match=r"search is not a queue. .* set SAFEGRID_QUEUES"):
        job(queue="search", slug="reindex")(reindex)
    monkeypatch.setenv("SAFEGRID_QUEUES", " search, cache ,")
    assert catalogue.queues() == ("ingestion", "maintenance", "cache", "events", "search")
    job(queue="search", slug="reindex")(reindex)
    assert list(catalogue.load())[-1] == "reindex"


@pytest.mark.parametrize("name", ["Search", "se arch", "rq:queue", "1st", "-x", "x" * 50])
def test_what_cannot_be_a_queue_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SAFEGRID_QUEUES", name)
    with pytest.raises(SettingsError, match=r"SAFEGRID_QUEUES: .* cannot be the name of a queue"):
        catalogue.queues()


def test_a_queue_may_be_declared_in_the_file_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SAFEGRID_QUEUES=search\n")
    command = [sys.executable, "-c", "from worker.cli import main; main()", "purge", "nowhere"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'events', 'search'" in done.stderr
