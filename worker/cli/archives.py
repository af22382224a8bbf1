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
    "SOURCE is a zip file or a folder of CSV files on this machine, or an https address. A file outside the import "
    "folder (SAFEGRID_IMPORT_FOLDER) is linked or copied into it, because the workers read it from there."
)


@click.command("ingest-archive", help=help_of("ingest-archive", _WHERE))
@click.argument("source")
@click.option(
    "--area", metavar="SLUG", help="Ingest only this area. Default: all areas. `country` means the whole archive."
)
@click.option("--from", "oldest", metavar="YYYY-MM", help="Oldest month to ingest. Default: the oldest in the archive.")
@click.option("--to", "newest", metavar="YYYY-MM", help="Newest month to ingest. Default: the newest in the archive.")
@click.option("--accept-smaller", is_flag=True, help="Replace a month even if the archive has far fewer crimes.")
@click.option("--again", is_flag=True, help="Also ingest months that came from this archive before.")
@click.option("--dry-run", is_flag=True, help="Only show which months, how many files, and the disk space needed.")
@click.option("--no-wait", is_flag=True, help="Print the id of the run and exit, without waiting for its end.")
def ingest_archive(source: str, no_wait: bool, **given: object) -> int:
    """Ingest the months of a police archive."""
    archive = source if "://" in source else _imported(Path(source), settings.read().import_folder)
    return request(catalogue.find("ingest_archive"), {"archive": archive, **given}, wait=not no_wait)


def _imported(path: Path, folder: Path) -> str:
    """Name of the file within the import folder, where it is put if it is not there."""
    if not path.exists():
        if (folder / path).exists():
            return str(path)
        raise click.UsageError(f"{path} does not exist, neither here nor in the import folder {folder.absolute()}")
    if path.resolve().is_relative_to(folder.resolve()):
        return str(path.resolve().relative_to(folder.resolve()))
    if path.is_dir():
        raise click.UsageError(f"The folder {path} is outside the import folder: move it into {folder.absolute()}")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name
    part = target.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        os.link(path, part)
    except OSError:
        # Another disk, or a file of somebody else.
        click.echo(f"  Copying {path.name} to {folder}", err=True)
        shutil.copyfile(path, part)
    part.replace(target)
    return path.name


COMMANDS = [ingest_archive]
