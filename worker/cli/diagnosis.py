"""The command that looks at everything."""

import click

from worker import settings
from worker.cli import output
from worker.doctor import examine


@click.command()
@click.option("--json", "as_json", is_flag=True)
def doctor(as_json: bool) -> int:
    """Look at everything Safegrid needs, and say what to do where something is wrong."""
    findings = examine(settings.read())
    if as_json:
        output.as_json([vars(finding) for finding in findings])
    else:
        rows = [("ok" if finding.fine else "!!", finding.what, finding.words) for finding in findings]
        output.table(("", "", ""), rows, "")
    return 0 if all(finding.fine for finding in findings) else 1


COMMANDS = [doctor]
