"""The audit finds what it is there for, and is never green where it could not look."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.packages import KNOWN
from tests.processes import free_port
from tests.standins.server import Answer, Request, Standin

ROOT = Path(__file__).parents[2]
HASH = f"\\\n    --hash=sha256:{'0' * 64}"
LOCK = f"flask==3.1.0 {HASH}\nrq==3.0.0 {HASH}\nwindows-only==1.0 ; sys_platform == 'win32' {HASH}\n"


class Osv(Standin):
    """Responds as https://google.github.io/osv.dev/post-v1-query/ says, of the advisories that it knows."""

    def __init__(self) -> None:
        super().__init__(self._respond, 0)
        self.vulnerable = {("jinja2", "2.4.1"): "PYSEC-2014-8"}
        self.fails_for: set[str] = set()
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"{self._server.origin}/v1/query"

    def _respond(self, request: Request) -> Answer:
        query = json.loads(request.body)
        name = query["package"]["name"]
        self.asked.append(name)
        if name in self.fails_for:
            return Answer(503, b"{}")
        found = self.vulnerable.get((name, query["version"]))
        affected = [{"package": query["package"], "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "9.9"}]}]}]
        advisory = {"id": found, "summary": "An advisory.", "affected": affected}
        return Answer(body=json.dumps({"vulns": [advisory]} if found else {}).encode())


@pytest.fixture
def osv() -> Iterator[Osv]:
    with Osv() as service:
        yield service


def audit(folder: Path, service: str, *options: str, lock: str = LOCK) -> subprocess.CompletedProcess[str]:
    """`python -m tests.audit` of this lock and of an empty tree."""
    (folder / "tree").mkdir(exist_ok=True)
    (folder / "requirements.txt").write_text(lock)
    where = ["--tree", folder / "tree", "--lock", folder / "requirements.txt", "--service", service]
    asked = [sys.executable, "-m", "tests.audit", *where, *options]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_package_is_asked_for(osv: Osv, tmp_path: Path) -> None:
    done = audit(tmp_path, osv.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("2 packages audited, without known vulnerabilities\n")
    assert osv.asked == [KNOWN["package"]["name"], "flask", "rq"]  # type: ignore[index]


def test_a_vulnerability_fails_it_and_is_named(osv: Osv, tmp_path: Path) -> None:
    osv.vulnerable["rq", "3.0.0"] = "PYSEC-2026-1"
    done = audit(tmp_path, osv.url, "--unless-away")
    assert done.returncode == 1
    assert done.stderr == "audit: known vulnerabilities:\n  rq 3.0.0: PYSEC-2026-1, fixed in 9.9\n"


def test_a_service_that_fails_half_way_fails_it(osv: Osv, tmp_path: Path) -> None:
    osv.fails_for = {"rq"}
    done = audit(tmp_path, osv.url, "--unless-away")
    assert done.returncode == 1
    assert "pip-audit ended before all packages were audited: " in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_service_that_cannot_be_reached_fails_it_unless_that_is_allowed(osv: Osv, tmp_path: Path) -> None:
    osv.fails_for = {"jinja2"}
    for service in (f"http://127.0.0.1:{free_port()}/v1/query", osv.url):
        for options, code in (((), 1), (("--unless-away",), 0)):
            done = audit(tmp_path, service, *options)
            assert done.returncode == code
            assert done.stderr.startswith(f"packages are not audited: {service} cannot be reached")
            assert done.stderr.count("\n") == 1


def test_a_service_that_knows_nothing_is_not_believed(osv: Osv, tmp_path: Path) -> None:
    osv.vulnerable.clear()
    done = audit(tmp_path, osv.url, "--unless-away")
    assert done.returncode == 1
    assert "knows nothing" in done.stderr


def test_a_package_without_a_hash_fails_it(osv: Osv, tmp_path: Path) -> None:
    done = audit(tmp_path, osv.url, "--unless-away", lock="flask==3.1.0\n")
    assert done.returncode == 1
    assert "hash" in done.stderr


def test_ci_audits_and_goes_on_where_it_cannot_only() -> None:
    assert "\nmake audit UNLESS_AWAY=1\n" in (ROOT / ".ci/run").read_text()
