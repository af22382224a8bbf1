"""The command line. Results go to stdout, everything said to people to stderr, an error is one line."""

import sys
from importlib import import_module

import click
import structlog
from redis import RedisError
from sqlalchemy.exc import OperationalError, ProgrammingError

from jobs.errors import SafegridError
from worker.engines import EngineError

INTERRUPTED = 130


# Where each command is. Only the one that is called is imported: jobs bring heavy libraries with them.
COMMANDS = {
    "up": "processes",
    "web": "processes",
    "worker": "processes",
    "scheduler": "processes",
    "migrate": "processes",
    "run": "asking",
    "runs": "looking",
    "jobs": "looking",
    "workers": "looking",
    "schedule": "looking",
    "cancel": "asking",
    "retry": "asking",
    "pause": "asking",
    "resume": "asking",
    "purge": "asking",
    "doctor": "diagnosis",
    "area": "areas",
    "backfill": "months",
    "load-climbing": "climbing",
    "weights": "weights",
    "export": "export",
}


class Commands(click.Group):
    """The commands, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, as `--help` lists them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; none if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"worker.cli.{COMMANDS[cmd_name]}")
        found: click.Command = next(command for command in module.COMMANDS if command.name == cmd_name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="safegrid")
def cli() -> None:
    """Background work of a route-safety service: crimes, the H3 safety grid, warm scores."""


def main() -> None:
    """Entry of `safegrid`."""
    run_command(cli)


def run_command(command: click.Command) -> None:
    """Run the command, put what went wrong into one line, and leave."""
    # Until a command has read its settings: stdout is for results.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
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
