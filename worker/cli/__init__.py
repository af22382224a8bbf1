"""The command line. Results go to stdout, messages to stderr; an error is one line."""

import os
import sys
from importlib import import_module

import click
from dotenv import load_dotenv

INTERRUPTED = 130


# Where each command is, and its help. Only the one that is called is imported: jobs bring heavy libraries with them.
COMMANDS = {
    "up": (
        "processes",
        "Run everything on this machine: PostgreSQL and Redis if none are set, workers, scheduler, web.",
    ),
    "web": ("processes", "Serve the admin pages and the HTTP API on PORT (default 8000)."),
    "token": ("processes", "Print the token of the HTTP API: ADMIN_API_TOKEN, or the one made on this machine."),
    "worker": ("processes", "Run the jobs of these queues (default: all queues) until SIGTERM."),
    "scheduler": ("processes", "Start jobs by their cadence until SIGTERM."),
    "migrate": ("processes", "Create or upgrade the database tables, and add the first area."),
    "run": ("asking", "Start a run of a job, and print its id."),
    "runs": ("runs", "List the latest runs, or show one run with its attempts."),
    "jobs": ("looking", "List every job with its queue, cadence and parameters."),
    "workers": ("looking", "List the running workers and what each does, or set how many a queue has."),
    "schedule": ("looking", "List every cadence with its next and last occurrences."),
    "cancel": ("asking", "Cancel a run. A started run is stopped."),
    "discard": ("asking", "Discard a failed run: cancel it for good, so that its failure is no longer a finding."),
    "retry": ("asking", "Retry a failed or cancelled run from its last checkpoint."),
    "pause": ("asking", "Pause a queue, the cadence of a job, or a run, until it is resumed."),
    "resume": ("asking", "Resume a queue, the cadence of a job, or a run."),
    "purge": ("asking", "Cancel all runs of a queue that have not started."),
    "doctor": ("diagnosis", "Check everything that Safegrid needs, and show how to fix what is wrong."),
    "area": ("areas", "List, add, resize and remove the areas whose crimes are ingested."),
    "category": ("categories", "List the categories of crime, or add one with its weights."),
    "force": (
        "coverage",
        "Show or set which police force covers a cell, and update the forces of an area.",
    ),
    "gap": ("coverage", "List, add and remove known gaps: months that a force did not supply, or only in part."),
    "subscriber": ("subscribers", "List, add and remove the subscribers that receive events by signed webhook."),
    "backfill": ("months", "Ingest every missing month, newest first, as one run."),
    "ingest-archive": ("archives", "Ingest the months of a police archive: a zip file, a folder, or an https address."),
    "load-climbing": (
        "climbing",
        "Replace all mountains, routes, accidents and weather with those of a folder or database.",
    ),
    "views": ("views", "Create or drop views with the columns of SafeRoute, which its application can read."),
    "weights": ("weights", "List the weight schemes, or set the default scheme."),
    "grid": ("grid", "List the generations of the grid, or publish an earlier generation again."),
    "export": ("export", "Export the grid to a file."),
    "path": ("paths", "Score the paths in FILE: GeoJSON, or one encoded polyline per line."),
    "score-edges": ("edges", "Compute a cost for each edge in FILE (CSV or Parquet), for routing engines."),
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
    """Background jobs of a route-safety service: crimes, the H3 safety grid, route scores."""


def main() -> None:
    """Entry of `safegrid`."""
    # For what is read before there are settings, such as SAFEGRID_QUEUES, and for the processes of `up`.
    load_dotenv(".env")
    run_command(cli)


def run_command(command: click.Command) -> None:
    """Run the command, print an error as one line, and exit."""
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
