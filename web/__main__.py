"""`python -m web`, which is `safegrid web`: the admin served by gunicorn on PORT."""

import os
import shutil
import sys
from pathlib import Path

import click

from web.settings import Settings, with_local_secrets
from worker import system
from worker.cli import run_command
from worker.settings import read


@click.command()
def serve() -> None:
    """Check the settings and the port, then become gunicorn."""
    settings = with_local_secrets(read(Settings))
    host = "0.0.0.0" if settings.production else "127.0.0.1"  # noqa: S104 - behind the platform's router
    system.check_port(host, settings.port)
    gunicorn = shutil.which("gunicorn", path=str(Path(sys.executable).parent)) or "gunicorn"
    workers = ["--workers", str(settings.web_concurrency), "--worker-class", "gthread", "--threads", "4", "--preload"]
    address = ["--bind", f"{host}:{settings.port}", "--no-control-socket", "--log-level", settings.log_level.lower()]
    os.execvp(gunicorn, [gunicorn, *workers, *address, "web:create_app()"])  # noqa: S606


if __name__ == "__main__":
    run_command(serve)
