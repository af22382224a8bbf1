"""`python -m tests.audit`: fails on a known vulnerability, a secret, and whatever could not be audited."""

import argparse
import sys
from pathlib import Path

import click

from tests.audit import packages, secrets
from tests.audit.errors import AuditFailed, ServiceAway

ROOT = Path(__file__).parents[2]


def main() -> int:
    """The exit code."""
    asked = _arguments()
    try:
        click.echo(f"no secrets in {secrets.audit(asked.tree)}")
        count = packages.audit(asked.service, asked.lock or sorted(ROOT.glob("requirements*.txt")))
    except ServiceAway as away:
        click.echo(f"packages are not audited: {away}", err=True)
        return 0 if asked.unless_away else 1
    except AuditFailed as failed:
        click.echo(f"audit: {failed}", err=True)
        return 1
    click.echo(f"{count} packages audited, without known vulnerabilities")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.audit", description=__doc__)
    parser.add_argument("--service", default=packages.SERVICE, help="address of OSV's query (%(default)s)")
    parser.add_argument("--unless-away", action="store_true", help="do not fail where the service cannot be reached")
    parser.add_argument("--tree", type=Path, default=ROOT, help="where to look for secrets")
    parser.add_argument("--lock", type=Path, action="append", help="a requirements file; all of ours when left out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
