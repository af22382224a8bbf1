"""Command that brings in a police archive."""

import os
import shutil
from pathlib import Path

import click

from jobs import catalogue
from worker import settings
from worker.cli import help_of
from worker.cli.asking import request

_WHERE = (
    "SOURCE is a zip or a folder of CSVs on this machine, or an https address. A file that is not in the import folder "
    "(SAFEGRID_IMPORT_FOLDER) is linked there, or copied: the workers read it from there."
)


@click.command("ingest-archive", help=help_of("ingest-archive", _WHERE))
@click.argument("source")
@click.option("--area", metavar="SLUG", help="Only this area; all areas when left out. country: all of the archive.")
@click.option("--from", "oldest", metavar="YYYY-MM", help="Oldest month.")
@click.option("--to", "newest", metavar="YYYY-MM", help="Newest month.")
@click.option("--accept-smaller", is_flag=True, help="Hold months also where they have much less than is held.")
@click.option("--again", is_flag=True, help="Months that are held of this very archive too.")
@click.option("--dry-run", is_flag=True, help="Only say which months, how many files and how much room.")
@click.option("--no-wait", is_flag=True, help="Print the run's id, and do not stay until it ends.")
def ingest_archive(source: str, no_wait: bool, **given: object) -> int:
    """Bring in the months of a police archive: a zip, a folder, or an https address."""
    archive = source if "://" in source else _imported(Path(source), settings.read().import_folder)
    return request(catalogue.find("ingest_archive"), {"archive": archive, **given}, wait=not no_wait)


def _imported(path: Path, folder: Path) -> str:
    """Name of the file within the import folder, where it is put if it is not there."""
    if not path.exists():
        if (folder / path).exists():
            return str(path)
        raise click.UsageError(f"There is no {path}, neither here nor in the import folder {folder.absolute()}")
    if path.resolve().is_relative_to(folder.resolve()):
        return str(path.resolve().relative_to(folder.resolve()))
    if path.is_dir():
        raise click.UsageError(f"{path} is a folder outside of the import folder: move it into {folder.absolute()}")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name
    part = target.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        os.link(path, part)
    except OSError:
        # Another disk, or a file of somebody else.
        click.echo(f"  {path.name} is copied to {folder}", err=True)
        shutil.copyfile(path, part)
    part.replace(target)
    return path.name


COMMANDS = [ingest_archive]
