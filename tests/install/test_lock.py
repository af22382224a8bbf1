"""The lock is one: whatever is released after it, an install takes what it names, and looks at nothing else."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.install.index import NEWER, Index, Locked, locked

ROOT = Path(__file__).parents[2]
BUILD, RUN, DEVELOP = (f"requirements{part}.txt" for part in ("-build", "", "-dev"))
# What is said to be installed how: by `make setup`, by the image and on a machine of one's own, on a platform.
WAYS = {"exactly": ["--no-deps", "--no-build-isolation"], "resolved": ["--no-build-isolation"], "plain": []}
# The platform's own pip builds what has no wheel with what it likes; nothing of it stays.
BUILD_TOOL = f"setuptools-{NEWER}-py3-none-any.whl"
PYTHONS = [sys.executable, "python3.12", "python3.13"]


def entries(lock: str) -> list[Locked]:
    return locked((ROOT / lock).read_text())


def clean_environment() -> dict[str, str]:
    """Without anybody's settings of pip; pyenv runs `python3.12` wherever it has one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return {**kept, "PIP_CONFIG_FILE": os.devnull}


@pytest.fixture(scope="module", params=PYTHONS, ids=lambda python: Path(python).name)
def pip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The pip that a Python ships, in a fresh virtual environment."""
    place = tmp_path_factory.mktemp("pip")
    version = request.param.removeprefix("python")
    environment = {**clean_environment(), **({} if request.param == sys.executable else {"PYENV_VERSION": version})}
    try:
        subprocess.run([request.param, "-m", "venv", place], check=True, capture_output=True, env=environment)
    except (OSError, subprocess.CalledProcessError):
        if request.param == sys.executable:
            raise
        pytest.skip(f"{request.param} is missing")
    return [str(place / "bin" / "python"), "-m", "pip"]


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with Index({one.name: one.version for lock in (BUILD, DEVELOP) for one in entries(lock)}) as index:
        yield index


def look_beyond(pip: list[str], index: Index, names: list[Locked], way: str, place: Path) -> list[str]:
    """What an install of this lock took, or wanted to take, that is not in it."""
    lock = place / "requirements.txt"
    lock.write_text(index.lock(names))
    index.fetched.clear()
    options = ["--dry-run", "--ignore-installed", "--isolated", "--no-cache-dir", "--disable-pip-version-check", "-q"]
    done = subprocess.run(
        [*pip, "install", *options, *WAYS[way], "--index-url", index.url, "--require-hashes", "-r", lock, "--report=-"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    newer = [file for file in index.fetched if f"-{NEWER}" in file]
    if done.returncode:
        return [*newer, done.stderr]
    installed = {(one["metadata"]["name"], one["metadata"]["version"]) for one in json.loads(done.stdout)["install"]}
    assert len(installed) > len(names) * 0.9  # but for those of other platforms
    assert len(index.fetched) >= len(installed)
    return newer + [f"{name} {version}" for name, version in installed if version == NEWER]


@pytest.mark.long
def test_what_is_installed_is_what_is_locked(
    pip: list[str], index: Index, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """In one test: each process that had a part of it would make an environment of its own."""
    for lock, way in ((RUN, "exactly"), (RUN, "resolved"), (DEVELOP, "exactly")):
        with subtests.test("by us", lock=lock, way=way):
            assert look_beyond(pip, index, entries(lock), way, tmp_path) == []
    with subtests.test("by a platform"):
        assert look_beyond(pip, index, entries(RUN), "plain", tmp_path) == [BUILD_TOOL]
    with subtests.test("the tools that build"):
        assert look_beyond(pip, index, entries(BUILD), "plain", tmp_path) == []


def test_a_lock_that_lacks_something_or_lost_its_extras_is_caught(index: Index, tmp_path: Path) -> None:
    ours = [sys.executable, "-m", "pip"]
    without = [one for one in entries(RUN) if one.name != "mako"]
    assert f"mako-{NEWER}-py3-none-any.whl" in "".join(look_beyond(ours, index, without, "resolved", tmp_path))
    without = without_extras(entries(RUN))
    assert "apiflask asks for pydantic[email]" in lost_extras(without)
    version = subprocess.run([*ours, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    # From 23.3 on, pip takes a locked pydantic for a pydantic[email] too.
    assert look_beyond(ours, index, without, "resolved", tmp_path) != [] or Version(version) >= Version("23.3")


@pytest.mark.parametrize("lock", [RUN, DEVELOP])
def test_every_extra_that_is_asked_for_is_locked(lock: str) -> None:
    assert lost_extras(entries(lock)) == []


def without_extras(names: list[Locked]) -> list[Locked]:
    return [Locked(Requirement(re.sub(r"\[.*?\]", "", str(one.requirement)))) for one in names]


def lost_extras(names: list[Locked]) -> list[str]:
    """Who asks for an extra of something that is locked without it."""
    extras = {one.name: one.requirement.extras for one in names}
    here = [one for one in metadata.distributions() if canonicalize_name(one.name) in extras]
    return [
        f"{distribution.name} asks for {one.name}[{','.join(sorted(one.extras))}]".lower()
        for distribution in here
        for one in map(Requirement, distribution.requires or [])
        if one.extras and (one.marker is None or one.marker.evaluate({"extra": ""}))
        if not one.extras <= extras[canonicalize_name(one.name)]
    ]


def test_every_direct_dependency_is_locked_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    direct = project["project"]["dependencies"]
    extras = [one for extra in project["project"]["optional-dependencies"].values() for one in extra]
    for lock, wanted in ((BUILD, project["build-system"]["requires"]), (RUN, direct), (DEVELOP, direct + extras)):
        versions = {one.name: one.version for one in entries(lock)}
        for requirement in map(Requirement, wanted):
            assert requirement.specifier.contains(versions[requirement.name]), f"{requirement} in {lock}"


def test_what_runs_is_developed_with_the_same_versions() -> None:
    assert {str(one.requirement) for one in entries(RUN)} <= {str(one.requirement) for one in entries(DEVELOP)}


@pytest.mark.parametrize("file", ["Makefile", "deploy/Dockerfile", "docs/deploy.md"])
def test_every_install_that_is_written_down_keeps_to_the_lock(file: str) -> None:
    commands = re.findall(r"(?:bin/|-m )pip install (.*?)(?: &&| \\\\?$|$)", (ROOT / file).read_text(), re.MULTILINE)
    assert commands
    for command in commands:
        assert command.endswith(f"--require-hashes -r {BUILD}") or "--no-build-isolation" in command, command
        assert {"--require-hashes", "--no-deps"} & set(command.split()), command
