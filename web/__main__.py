"""`python -m web`, which is `safegrid web`: the admin served on PORT."""

import click

from web import create_app, server
from web.settings import Settings
from worker import logs
from worker.cli import run_command
from worker.settings import read


@click.command()
def serve() -> None:
    """Check the settings, take the port, and serve."""
    settings = read(Settings)
    logs.configure(settings)
    host = "0.0.0.0" if settings.production else "127.0.0.1"  # noqa: S104 - behind the platform's router
    with server.listen(host, settings.port) as listener:
        server.Processes(create_app(settings), listener, settings.web_concurrency, settings.script_name).run()


if __name__ == "__main__":
    run_command(serve)
