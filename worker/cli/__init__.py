"""The command line. Results go to stdout, everything said to people to stderr, an error is one line."""

import sys

import click
from redis import RedisError
from sqlalchemy.exc import OperationalError, ProgrammingError

from jobs.errors import SafegridError
from worker.cli import areas, asking, climbing, looking, processes
from worker.engines import EngineError

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="safegrid")
def cli() -> None:
    """Background work of a route-safety service: crimes, the H3 safety grid, warm scores."""


for module in (processes, asking, looking, areas, climbing):
    for command in module.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Entry of `safegrid`."""
    run_command(cli)


def run_command(command: click.Command) -> None:
    """Run the command, put what went wrong into one line, and leave."""
    try:
        code = command(standalone_mode=False)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except (SafegridError, EngineError, TimeoutError) as error:
        code = _complain(str(error))
    except ProgrammingError as error:
        code = _complain(f"{_first_line(error)}: if tables are missing, run `safegrid migrate`")
    except OperationalError as error:
        code = _complain(f"PostgreSQL cannot be reached: {_first_line(error)}. Check DATABASE_URL")
    except RedisError as error:
        code = _complain(f"Redis cannot be reached: {error}. Check REDIS_URL and QUEUE_REDIS_URL")
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> int:
    click.echo(f"safegrid: {message}", err=True)
    return 1


def _first_line(error: OperationalError | ProgrammingError) -> str:
    return str(error.orig).strip().splitlines()[0]
