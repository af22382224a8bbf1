"""Where an archive is: in the import folder of the worker, or at an address, from where it is downloaded."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from jobs.archive import download
from jobs.archive.errors import ArchiveRefused
from jobs.context import Context
from jobs.import_folder import is_name, leads_out
from jobs.settings import secure_address


def _checked(text: str) -> str:
    if "://" not in text:
        if not is_name(text):
            raise ValueError("must be the name of a file or folder in SAFEGRID_IMPORT_FOLDER, or an https:// address")
        return text
    address = secure_address(text)
    parts = urlsplit(address)
    if parts.username or parts.password:
        raise ValueError("must be an address without a password: everybody who can read runs would see it")
    download.name_of(address)
    return address


Source = Annotated[
    str,
    AfterValidator(_checked),
    Field(max_length=2_000, description="File or folder in the import folder of the workers, or an https address"),
]


def find(here: Context, archive: str) -> Path:
    """The file or folder on this machine, downloaded where it is an address. Raises ArchiveRefused."""
    folder = here.settings.import_folder
    folder.mkdir(parents=True, exist_ok=True)
    if "://" in archive:
        return download.fetch(here, archive, folder)
    path = folder / archive
    if not path.exists():
        there = sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))
        raise ArchiveRefused(
            f"There is no {archive} in {folder.absolute()}, the import folder of this worker. "
            f"Its files: {', '.join(there[:20]) or 'none'}"
        )
    if leads_out(path, folder):
        raise ArchiveRefused(f"{archive} is outside the import folder {folder.absolute()}")
    return path
