"""The shipped containers: confined, of exact versions, and each with the secrets that it needs."""

import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import AuthenticationError, Redis

import web.settings
import worker.settings
from jobs.settings import load
from tests.docs.test_units import secrets_of_the_web
from tests.processes import free_port
from tests.servers import valkey_program, wait

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"] == "safegrid")
TOLD = {name: secrets.token_hex(20) for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY", "ADMIN_PASSWORD")}
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}")
# Of ours, the second stage is what runs.
_FINAL = (DEPLOY / "Dockerfile").read_text().rpartition("\nFROM ")[2]


def environment(name: str) -> dict[str, str]:
    """What compose gives the service of TOLD."""

    def fill(found: re.Match[str]) -> str:
        return TOLD.get(found["name"], found["default"] or "")

    given = SERVICES[name].get("environment", {})
    return {variable: _VARIABLE.sub(fill, str(value)) for variable, value in given.items()}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_nothing_but_its_work(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & service.keys()
    user = re.search(r"^USER (\d+)$", _FINAL, re.MULTILINE) if name in OURS else None
    assert int(user[1] if user else service["user"].partition(":")[0]) > 0
    assert not [volume for volume in service.get("volumes", ()) if volume.startswith((".", "/"))]


def test_ports_are_open_on_this_machine_alone() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"]
    }


def test_the_image_has_what_runs_and_nothing_of_the_repository() -> None:
    first, *let_in = (DEPLOY.parent / ".dockerignore").read_text().split()
    assert first == "*"
    assert not [line for line in let_in if line.startswith(("!.", "!tests", "!deploy", "!requirements-dev"))]
    assert "pip uninstall --yes setuptools pip" in (DEPLOY / "Dockerfile").read_text()


def test_images_are_of_exact_versions() -> None:
    bases = re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert len(bases) == 2
    others = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    # PostGIS's publisher has PostgreSQL's major version and its own minor one, and none more exact.
    loose = {image for image in [*bases, *others] if not re.search(r":\d+\.\d+\.\d+-[a-z-]+$", image)}
    assert loose == {"postgis/postgis:16-3.5"}


@pytest.mark.parametrize("name", OURS)
def test_a_process_has_what_it_needs_and_only_the_web_its_secrets(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in os.environ:
        monkeypatch.delenv(variable)
    for variable, value in environment(name).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setitem(web.settings.Settings.model_config, "env_file", None)
    assert load(worker.settings.Settings).production
    if name == "web":
        assert load(web.settings.Settings).proxies == 1
    else:
        assert not secrets_of_the_web() & environment(name).keys()


@pytest.fixture
def shipped_redis(tmp_path: Path) -> Iterator[int]:
    """The port of a server that was started by the command of compose."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "valkey-server").symlink_to(valkey_program())
    port = free_port()
    command = [part.replace("$$", "$") for part in SERVICES["redis"]["command"]]
    command[-1] = command[-1].replace("valkey-server -", f"valkey-server - --bind 127.0.0.1 --port {port}")
    told = {**environment("redis"), "PATH": f"{programs}:{os.defpath}"}
    server = subprocess.Popen(command, env=told, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        server.terminate()
        # It became the server, or the signal would not reach that.
        assert server.wait(30) == 0


def test_redis_wants_its_password_and_keeps_what_is_queued(shipped_redis: int) -> None:
    with Redis(port=shipped_redis, password=TOLD["REDIS_PASSWORD"], decode_responses=True) as redis:
        wait(redis.ping)()
        assert redis.config_get("appendonly") == {"appendonly": "yes"}
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        pid = redis.info()["process_id"]
    with Redis(port=shipped_redis) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
    assert TOLD["REDIS_PASSWORD"] not in Path(f"/proc/{pid}/cmdline").read_text()
