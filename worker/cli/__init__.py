"""The command line. Results go to stdout, everything said to people to stderr, an error is one line."""

import os
import sys
from importlib import import_module

import click

INTERRUPTED = 130


# Where each command is, and its help. Only the one that is called is imported: jobs bring heavy libraries with them.
COMMANDS = {
    "up": ("processes", "Run everything on this machine: engines where none are set, tables, workers, scheduler, web."),
    "web": ("processes", "Serve the admin on PORT."),
    "token": ("processes", "Print the token for the HTTP API: ADMIN_API_TOKEN, or the one that this machine made."),
    "worker": ("processes", "Work on these queues (all of them when none is named) until SIGTERM."),
    "scheduler": ("processes", "Start the jobs that have a cadence, until SIGTERM."),
    "migrate": ("processes", "Bring the database's tables up to date, and add the first area."),
    "run": ("asking", "Ask for a run of a job, and print its id."),
    "runs": ("runs", "List the latest runs; one in full, with its attempts, when its id is given."),
    "jobs": ("looking", "List the catalogue: every job with its queue, cadence and parameters."),
    "workers": ("looking", "List the RQ workers that are alive, and what each does; or choose how many a queue has."),
    "schedule": ("looking", "List every cadence with its last occurrences and the next."),
    "cancel": ("asking", "Cancel a run; one at work is stopped."),
    "discard": ("asking", "Discard a failed run: it is cancelled, and its failure no finding."),
    "retry": ("asking", "Retry a failed or cancelled run from its last checkpoint."),
    "pause": ("asking", "Pause a queue, the cadence of a job, or a run, until it is resumed."),
    "resume": ("asking", "Resume a queue, the cadence of a job, or a run."),
    "purge": ("asking", "Cancel what waits in a queue."),
    "doctor": ("diagnosis", "Check everything Safegrid needs, and say what to do where something is wrong."),
    "area": ("areas", "Manage the areas whose crimes are held."),
    "category": ("categories", "List the categories of crime, or add one with its weights."),
    "force": (
        "coverage",
        "List or change which police force the land is of; give an area the forces of its land.",
    ),
    "gap": ("coverage", "List, add or remove known gaps: months that a force did not supply, or not whole."),
    "subscriber": ("subscribers", "Manage who is told of events by signed webhooks."),
    "backfill": ("months", "Ask for every month on offer that is not held, newest first, as one run."),
    "ingest-archive": ("archives", "Bring in the months of a police archive: a zip, a folder, or an https address."),
    "load-climbing": ("climbing", "Replace the mountains, routes, accidents and weather by those of FOLDER."),
    "weights": ("weights", "List the schemes of weights, or change the one that the grid stores."),
    "export": ("export", "Write the grid to a file."),
    "path": ("paths", "Score the ways of FILE: GeoJSON, or lines of encoded polylines."),
    "score-edges": ("edges", "Write the costs of the edges of FILE, CSV or Parquet, for programs that route."),
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
        module = import_module(f"worker.cli.{COMMANDS[cmd_name][0]}")
        if "structlog" in sys.modules:
            # Until the command has read its settings: stdout is for results.
            sys.modules["structlog"].configure(logger_factory=sys.modules["structlog"].PrintLoggerFactory(sys.stderr))
        found: click.Command = next(command for command in module.COMMANDS if command.name == cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of `--help`, which imports no command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in COMMANDS.items()])


def help_of(name: str, more: str = "") -> str:
    """What `--help` says of the command of that name; `more`, as further paragraphs, only its own."""
    return f"{COMMANDS[name][1]}\n\n{more}".strip()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="safegrid")
def cli() -> None:
    """Background work of a route-safety service: crimes, the H3 safety grid, warm scores."""


def main() -> None:
    """Entry of `safegrid`."""
    run_command(cli)


def run_command(command: click.Command) -> None:
    """Run the command, put what went wrong into one line, and leave."""
    try:
        code = command(standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has enough. What is still in the buffer must not fail again as Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        code = _complain(error)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(error: Exception) -> int:
    """The error as one line and an exit code. Raises the error itself where it is a fault of ours."""
    from worker.cli.failures import WRONG_CALL, explain, is_wrong_call

    message = explain(error)
    if message is None:
        raise error
    click.echo(f"safegrid: {message}", err=True)
    return WRONG_CALL if is_wrong_call(error) else 1
