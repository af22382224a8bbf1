"""The command that looks at everything."""

import click

from worker import settings
from worker.cli import help_of, output
from worker.doctor import examine, test_alerts


@click.command(help=help_of("doctor"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--test-alert", is_flag=True, help="Only send a test message to every alert receiver.")
def doctor(as_json: bool, test_alert: bool) -> int:
    """Check everything that Safegrid needs."""
    lines = []
    for line in (test_alerts if test_alert else examine)(settings.read()):
        lines.append(line)
        if not as_json:
            click.echo(f"{'ok' if line.fine else '!!'}  {line.what:<22}  {line.words}")
    if as_json:
        output.as_json([vars(line) for line in lines])
    return 0 if all(line.fine for line in lines) else 1


COMMANDS = [doctor]
