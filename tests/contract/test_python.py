"""A run in Python code, as the replaced systems' code holds a task; and a job called as a function."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import worker
from jobs.catalogue import UnknownJob
from jobs.errors import ParameterError
from tests.conftest import settings_at
from tests.processes import environment, safegrid
from worker import engines, performing, system
from worker.client import Client, RunFailed
from worker.errors import UnknownRun
from worker.settings import Settings


@pytest.fixture(autouse=True)
def _environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url)


@pytest.fixture
def at_work(settings: Settings, tmp_path: Path) -> Iterator[None]:
    with safegrid(settings, "worker", "maintenance", log=tmp_path / "log"):
        yield


@pytest.mark.usefixtures("at_work")
def test_a_task_is_waited_for_and_asked(settings: Settings) -> None:
    task = worker.submit("cleanup_old_route_history", retention_days=30)
    assert task.get(timeout=60)["retention_days"] == 30
    assert (task.ready(), task.status, task.successful()) == (True, "SUCCESS", True)
    assert task.result == task.wait(60) == task.get()
    again = worker.find(task.id)
    assert (again.id, again.result) == (task.id, task.result)


def test_a_task_that_waits_is_pending() -> None:
    task = worker.submit("cleanup_old_route_history")
    assert (task.ready(), task.status, task.successful(), task.result) == (False, "PENDING", False, None)
    with pytest.raises(TimeoutError, match=r"is still queued after 0\.2 s"):
        task.get(timeout=0.2)


def test_a_task_at_work_is_started(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    task = worker.submit("cleanup_old_route_history")
    seen: list[str] = []
    monkeypatch.setattr(performing, "_as_json", lambda value: seen.append(worker.find(task.id).status) or value)
    performing.perform(settings, task.id, "a worker")
    assert seen == ["STARTED"]


def test_a_task_that_came_to_nothing_is_a_failure(settings: Settings) -> None:
    task = worker.submit("cleanup_old_route_history")
    with Client(settings) as client:
        client.cancel(task.id, "a test")
    assert (task.ready(), task.status, task.successful(), task.result) == (True, "FAILURE", False, None)
    with pytest.raises(RunFailed, match=f"Run {task.id} of cleanup_old_route_history cancelled"):
        task.get(timeout=1)


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(UnknownRun, match="There is no run nothing"):
        worker.find("nothing")
    with pytest.raises(UnknownJob, match="There is no job nothing"):
        worker.submit("nothing")
    with pytest.raises(ParameterError, match="months"):
        worker.submit("rebuild_safety_grid", months=0)


def _directly(folder: Path, settings: Settings) -> subprocess.CompletedProcess[str]:
    """A job called in a fresh interpreter, in a folder in which engines may be running."""
    call = "import json; from jobs.cleanup import cleanup_old_route_history as job; print(json.dumps(job(30)))"
    without = {name: value for name, value in environment(settings).items() if not name.endswith(("_URL", "_HOME"))}
    root = str(Path(__file__).parents[2])
    here = {"cwd": folder, "env": {**without, "PYTHONPATH": root}}
    return subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=False, **here)


def test_a_job_called_directly_finds_the_embedded_engines(settings: Settings, tmp_path: Path) -> None:
    with engines.own(tmp_path / ".safegrid", lambda _: None) as running:
        system.migrate(settings_at(running.endpoints.database_url, running.endpoints.redis_url))
        done = _directly(tmp_path, settings)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["retention_days"] == 30


def test_a_job_called_directly_says_so_where_no_engines_run(settings: Settings, tmp_path: Path) -> None:
    done = _directly(tmp_path, settings)
    assert done.returncode == 1
    assert "no engines are running" in done.stderr.strip().splitlines()[-1]
