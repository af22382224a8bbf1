"""The command that looks at everything."""

import click

from worker import settings
from worker.cli import help_of, output
from worker.doctor import examine


@click.command(help=help_of("doctor"))
@click.option("--json", "as_json", is_flag=True)
def doctor(as_json: bool) -> int:
    """Look at everything Safegrid needs, and say what to do where something is wrong."""
    findings = []
    for finding in examine(settings.read()):
        findings.append(finding)
        if not as_json:
            click.echo(f"{'ok' if finding.fine else '!!'}  {finding.what:<22}  {finding.words}")
    if as_json:
        output.as_json([vars(finding) for finding in findings])
    return 0 if all(finding.fine for finding in findings) else 1


COMMANDS = [doctor]
