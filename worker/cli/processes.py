"""Commands that are processes: the workers, the web, everything at once; and the database's tables."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import click

from jobs import catalogue
from worker import logs, settings, start, system
from worker.cli import help_of
from worker.scheduler import run_forever
from worker.supervisor import Supervisor

DEFAULT_PORT = 8000


def _say(message: str) -> None:
    click.echo(message, err=True)


def port_from_environment() -> int:
    """PORT, or 8000."""
    text = os.environ.get("PORT", "") or str(DEFAULT_PORT)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise click.UsageError(f"PORT={text} is not a port: set a number from 1 to 65535")
    return int(text)


@click.command(help=help_of("worker"))
@click.argument("queues", nargs=-1, type=click.Choice(catalogue.queues()), metavar="[QUEUE]...")
def worker(queues: Sequence[str]) -> None:
    """Run the jobs of these queues."""
    chosen = settings.read()
    logs.configure(chosen)
    start.check(chosen)
    Supervisor(chosen, queues or catalogue.queues()).run()


@click.command(help=help_of("scheduler"))
def scheduler() -> None:
    """Start jobs by their cadence. Any number of schedulers may run."""
    chosen = settings.read()
    logs.configure(chosen)
    start.check(chosen)
    run_forever(chosen)


@click.command(help=help_of("web"))
def web() -> None:
    """Serve the admin pages and the API."""
    # The room above us: it has settings of its own, which are not for the workers.
    os.execv(sys.executable, [sys.executable, "-m", "web"])  # noqa: S606


@click.command(help=help_of("token"))
def token() -> None:
    """Print the token."""
    os.execv(sys.executable, [sys.executable, "-m", "web.token"])  # noqa: S606


@click.command(help=help_of("migrate"))
@click.option(
    "--to", default="head", metavar="REVISION", help="Migrate to this revision, such as that of an older version."
)
@click.option("--discard", is_flag=True, help="Go back to an older revision even if this deletes data.")
def migrate(to: str, discard: bool) -> None:
    """Create or upgrade the database tables."""
    chosen = settings.read()
    logs.configure(chosen)
    revision, where = system.migrate(chosen, to, discard=discard)
    if where.taken:
        _say(
            f"Another application has tables in schema {where.beside} with names that Safegrid uses: "
            f"{', '.join(where.taken)}. They are left as they are. Safegrid's own tables are in schema {where.schema} "
            "(docs/moving.md)"
        )
        if "route_history" in where.taken and "." not in chosen.history_table:
            _say(f"Next, set the table of the route history: SAFEGRID_HISTORY_TABLE={where.beside}.route_history")
    _say(f"The database is at revision {revision}")


@click.command(help=help_of("up"))
def up() -> None:
    """Run everything on this machine."""
    port = port_from_environment()
    with system.run(_say, port) as (chosen, running):
        logs.configure(chosen)
        _say(f"Safegrid is up: http://127.0.0.1:{port}")
        _say(sign_in_hint(chosen.home))
        until_stopped(running)
    _say("Safegrid is down")


def sign_in_hint(home: Path) -> str:
    """Where to find what the sign-in page asks for."""
    if os.environ.get("ADMIN_PASSWORD"):
        return "Sign in with ADMIN_USERNAME and ADMIN_PASSWORD"
    user = os.environ.get("ADMIN_USERNAME", "admin")
    return f"Sign in as {user} with the password {settings.local_secret(home, 'admin-password')}"


def until_stopped(running: system.System) -> None:
    """Keep everything up until Ctrl-C or SIGTERM."""
    signals: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        signals.append(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not signals:
        running.keep_up()
        time.sleep(system.CHECK_S)


COMMANDS = [worker, scheduler, web, token, migrate, up]
