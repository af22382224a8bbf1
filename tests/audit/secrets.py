"""Secrets in the files of a tree and in every commit of its history, by Kingfisher, which asks nobody about them."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.audit.errors import AuditFailed

RULES = Path(__file__).with_name("rules.yml")
KINGFISHER = Path(sys.executable).with_name("kingfisher")
QUIET = ["--no-validate", "--no-update-check", "--redact", "--format=json", "--quiet"]
# Of tests. A new test makes its secrets: what was committed once stays in the history.
NOT_SECRET = [
    f"--skip-word={word}" for word in ("0123456789abcdef", "fedcba9876543210", "fpVnUwWjyBMZ83qo62UJHcAoEiTrSg90")
]
CLEAN, FOUND = 0, 200


def audit(tree: Path) -> str:
    """What was looked at, in words. Raises AuditFailed. What git ignores is the developer's own."""
    history = _git(tree, "rev-parse", "--path-format=absolute", "--git-common-dir")
    if not history:
        _scan(tree)
        return "the tree, which has no history here"
    files = _git(tree, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    with tempfile.TemporaryDirectory() as copy:
        for name in files:
            _copy(tree / name, Path(copy) / name)
        return f"{len(files)} files and {_scan(Path(copy), *history)}"


def _scan(tree: Path, *history: str) -> str:
    """What there is of history, in words. Raises AuditFailed."""
    done = subprocess.run(
        [KINGFISHER, "scan", *QUIET, *NOT_SECRET, f"--rules-path={RULES}", ".", *history],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (CLEAN, FOUND):
        raise AuditFailed(f"kingfisher ended with {done.returncode}: {done.stderr.strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    if report["findings"]:
        found = "\n".join(sorted(map(_line, report["findings"])))
        raise AuditFailed(f"secrets, which are to be revoked, as whoever has a copy knows them:\n{found}")
    return _commits(report) if history else ""


def _commits(report: dict[str, Any]) -> str:
    """Raises AuditFailed where some were not read."""
    (repository,) = [one for one in report["audit"]["repositories"] if "git" in one]
    if repository["scan"]["status"] != "completed":
        raise AuditFailed(f"the history was not read: {json.dumps(repository['scan'])}")
    is_cut = repository["git"]["shallow"]
    return f"{repository['git']['fetched_commit_count']} commits{', not all: the clone is shallow' if is_cut else ''}"


def _copy(file: Path, copy: Path) -> None:
    """But for what was deleted and not yet committed."""
    if file.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def _git(tree: Path, *arguments: str) -> list[str]:
    """What git lists; nothing where there is no repository."""
    done = subprocess.run(["git", "-C", tree, *arguments], capture_output=True, text=True, check=False)
    found = done.stdout.split("\0") if "-z" in arguments else done.stdout.splitlines()
    return [name for name in found if name] if done.returncode == 0 else []


def _line(finding: dict[str, Any]) -> str:
    where = finding["finding"]
    commit = ((where.get("git_metadata") or {}).get("commit") or {}).get("id")
    place = f"  {where['path'].removeprefix('./')}:{where['line']}: {finding['rule']['id']}"
    return f"{place}, in commit {commit[:12]}" if commit else place
