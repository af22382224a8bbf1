"""Known vulnerabilities of what is locked, from OSV (https://osv.dev), which has the advisories of PyPI and GitHub."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests
from packaging.utils import canonicalize_name

from tests.audit.errors import AuditFailed, ServiceAway
from tests.install.index import locked

SERVICE = "https://api.osv.dev/v1/query"
# OSV's own example of a query; a service that knows nothing of it would call everything clean.
KNOWN = {"package": {"name": "jinja2", "ecosystem": "PyPI"}, "version": "2.4.1"}
PATIENCE_S = 15
PIP_AUDIT = [sys.executable, "-m", "pip_audit", "--strict", "--require-hashes", "--disable-pip", "--format=json"]
QUIET = ["--progress-spinner=off", "--vulnerability-service=osv", f"--timeout={PATIENCE_S}"]


def audit(service: str, locks: Sequence[Path]) -> int:
    """How many packages of the locks have no known vulnerability. Raises ServiceAway, AuditFailed."""
    _try(service)
    files = [f"--requirement={lock}" for lock in locks]
    done = subprocess.run(
        [*PIP_AUDIT, *QUIET, f"--osv-url={service}", *files], capture_output=True, text=True, check=False
    )
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise AuditFailed(f"pip-audit ended before all packages were audited: {last}") from None
    if vulnerable := [one for one in found if one.get("vulns")]:
        raise AuditFailed("known vulnerabilities:\n" + "\n".join(map(_line, vulnerable)))
    audited = {canonicalize_name(one["name"]) for one in found if "vulns" in one}
    if left_out := sorted(_wanted(locks) - audited):
        raise AuditFailed(f"{len(left_out)} packages could not be audited: {', '.join(left_out)}")
    if done.returncode:
        raise AuditFailed(f"pip-audit failed: {done.stderr.strip()}")
    return len(audited)


def _try(service: str) -> None:
    """Raises ServiceAway where nothing responds, AuditFailed where it is no such service."""
    try:
        response = requests.post(service, json=KNOWN, timeout=PATIENCE_S)
        response.raise_for_status()
    except requests.RequestException as error:
        raise ServiceAway(f"{service} cannot be reached ({type(error).__name__}): audit where it can be") from None
    try:
        is_known = bool(response.json()["vulns"])
    except (ValueError, KeyError, TypeError):
        is_known = False
    if not is_known:
        raise AuditFailed(f"{service} knows nothing of a version that has vulnerabilities: it is no service of OSV")


def _wanted(locks: Sequence[Path]) -> set[str]:
    """Names of all packages that are installed here."""
    entries = [entry for lock in locks for entry in locked(lock.read_text())]
    return {entry.name for entry in entries if (marker := entry.requirement.marker) is None or marker.evaluate()}


def _line(package: dict[str, Any]) -> str:
    fixes = {version for one in package["vulns"] for version in one["fix_versions"]}
    remedy = f"fixed in {', '.join(sorted(fixes))}" if fixes else "not fixed yet"
    return f"  {package['name']} {package['version']}: {', '.join(one['id'] for one in package['vulns'])}, {remedy}"
