"""`python -m web.token`, which is `safegrid token`: the bearer token of the first operator."""

import click

from jobs.errors import SettingsError
from web.settings import Settings, with_local_secrets
from worker.cli import run_command
from worker.settings import read


@click.command()
def show() -> None:
    """Print ADMIN_API_TOKEN, or in development the one that this machine made."""
    token = with_local_secrets(read(Settings)).admin_api_token
    if not token:
        raise SettingsError("ADMIN_API_TOKEN is not set. Set it, or make a token on the page People")
    click.echo(token)


if __name__ == "__main__":
    run_command(show)
