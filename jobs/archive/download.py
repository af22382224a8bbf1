"""An archive is downloaded: in pieces, where a connection breaks, and checked before it is used."""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests
import structlog

from jobs.archive.errors import ArchiveRefused
from jobs.context import Context
from jobs.http import SourceChanged, SourceUnavailable, retrying
from jobs.responses import Deadline, session
from jobs.settings import secure_address

log = structlog.get_logger("safegrid.archive")

MOST_BYTES: Final = 16 * 2**30
TIMEOUT_S: Final = 60
# However slowly it comes: the next try goes on behind what came, as long as something did.
TRY_S: Final = 300
# Of what is on its way when a connection breaks, so much is lost.
_PIECE: Final = 2**16
_MOST_HOPS: Final = 5
_MB: Final = 10**6
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}\.zip")
_RANGE = re.compile(r"bytes (?P<first>[0-9]+)-[0-9]+/(?P<size>[0-9]+)")
# Of an object that was uploaded as one piece; others have a number of pieces behind it, and no MD5 of the whole.
_MD5 = re.compile(r'"(?P<md5>[0-9a-f]{32})"')


def name_of(address: str) -> str:
    """The file's name at the end of an address. Raises ValueError where it is none of an archive."""
    name = urlsplit(address).path.rpartition("/")[2]
    if not _NAME.fullmatch(name):
        raise ValueError("must be an address that ends with the name of a zip file, such as /2024-02.zip")
    return name


def fetch(here: Context, address: str, folder: Path) -> Path:
    """The archive at an address as a file in `folder`. What came before a break is not asked for again.

    Raises SourceUnavailable, SourceChanged, and ArchiveRefused where there is no room for it.
    """
    got = _Got(folder / name_of(address), address)
    while True:
        before = got.size
        try:
            return retrying(here.settings.retry_wait_s)(lambda: _go_on(here, got))
        except SourceUnavailable:
            if got.size <= before:
                raise


@dataclass(frozen=True)
class _Got:
    """What is there of a download, and of which version of the file."""

    path: Path
    address: str

    @property
    def part(self) -> Path:
        return self.path.with_name(f".{self.path.name}.part")

    @property
    def note(self) -> Path:
        return self.path.with_name(f".{self.path.name}.json")

    @property
    def size(self) -> int:
        """Bytes that came so far."""
        return self.part.stat().st_size if self.part.exists() else 0

    def version(self) -> str:
        """The source's name of the version that the file, or its part, is of."""
        try:
            kept = json.loads(self.note.read_text())
        except (OSError, ValueError):
            return ""
        return str(kept["version"]) if kept.get("address") == self.address else ""

    def begin(self, version: str) -> None:
        """What comes now is of this version."""
        self.note.write_text(json.dumps({"address": self.address, "version": version}))
        self.part.unlink(missing_ok=True)


def _go_on(here: Context, got: _Got) -> Path:
    """One try: whatever is there is kept for the next."""
    version = got.version()
    first = got.size if version else 0
    headers = {"Range": f"bytes={first}-", "If-Range": version} if first else {}
    if version and got.path.exists():
        headers = {"If-None-Match": version}
    try:
        with Deadline(TRY_S).running(), session() as client, _ask(client, got.address, headers) as response:
            if response.status_code == 304:
                return got.path
            first, size = _begin(response, got, first)
            _refuse_too_large(got, size - first)
            _take(here, response, got, first, size)
    except requests.RequestException as error:
        raise SourceUnavailable(f"{_plain(got.address)} broke off: {type(error).__name__}") from error
    return _checked(got, size)


def _ask(client: requests.Session, address: str, headers: Mapping[str, str]) -> requests.Response:
    """A response with its body still to come. Redirects are followed to secure addresses only."""
    for _ in range(_MOST_HOPS):
        # Not packed once more on its way: the ranges are those of the file.
        asked = {"Accept-Encoding": "identity", **headers}
        response = client.get(address, headers=asked, stream=True, allow_redirects=False, timeout=TIMEOUT_S)
        if not response.is_redirect:
            return response
        response.close()
        try:
            address = secure_address(urljoin(address, response.headers["Location"]))
        except ValueError as error:
            raise SourceChanged(f"{_plain(address)} redirects to an address that is not secure:  {error}") from None
    raise SourceChanged(f"{_plain(address)} has too many redirects")


def _begin(response: requests.Response, got: _Got, first: int) -> tuple[int, int]:
    """Where the body begins within the file, and the size of all of it, in bytes."""
    what = f"{_plain(got.address)} responded {response.status_code} ({response.reason})"
    if response.status_code == 206 and (found := _RANGE.fullmatch(response.headers.get("Content-Range", ""))):
        if int(found["first"]) == first:
            return first, int(found["size"])
        raise SourceChanged(f"{what}, but with another part of the file than requested")
    if response.status_code in (408, 429) or response.status_code >= 500:
        raise SourceUnavailable(what)
    if response.status_code == 416:
        got.part.unlink()
        raise SourceUnavailable(f"{what}: the response is not part of this file. Downloading it again")
    size = response.headers.get("Content-Length", "")
    if response.status_code != 200 or not size.isdecimal():
        raise SourceChanged(f"{what}{'' if size else ' and does not give the size of the file'}")
    got.begin(response.headers.get("ETag", ""))
    return 0, int(size)


def _refuse_too_large(got: _Got, left: int) -> None:
    free = shutil.disk_usage(got.path.parent).free
    if left > MOST_BYTES:
        raise ArchiveRefused(f"{got.path.name} has {left / 2**30:.0f} GiB, and no archive has more than 16")
    if left > free:
        raise ArchiveRefused(
            f"{got.path.name} needs {left / 2**20:,.0f} MiB in {got.path.parent.absolute()}, where {free / 2**20:,.0f} "
            "are free"
        )


def _take(here: Context, response: requests.Response, got: _Got, first: int, size: int) -> None:
    """Write the body behind what is there."""
    with got.part.open("ab") as file:
        for piece in response.iter_content(_PIECE):
            file.write(piece)
            if (first + len(piece)) // _MB > first // _MB:
                here.progress((first + len(piece)) // _MB, size // _MB, f"{got.path.name}, MB")
            first += len(piece)
    # A connection that was shut leaves a body that looks whole.
    if first != size:
        raise SourceUnavailable(f"{_plain(got.address)} broke off after {first} of {size} bytes")


def _checked(got: _Got, size: int) -> Path:
    """The file, if it is what the source says of it. Its content has checksums of its own."""
    published = _MD5.fullmatch(got.version())
    if got.part.stat().st_size != size or (published and published["md5"] != _md5(got.part)):
        got.part.unlink()
        raise SourceUnavailable(f"{_plain(got.address)} was damaged during the download. Downloading it again")
    got.part.replace(got.path)
    log.info("archive_downloaded", name=got.path.name, bytes=size, md5="checked" if published else "not published")
    return got.path


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _plain(address: str) -> str:
    """Without its query, which may hold a key."""
    return address.partition("?")[0]
