"""A download goes on behind what came, is checked before it is used, and leaves nothing that looks whole and is not."""

import hashlib
import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobs.archive import download
from jobs.archive.errors import ArchiveRefused
from jobs.archive.run import ingest_archive
from jobs.context import Context
from jobs.http import SourceChanged, SourceUnavailable
from tests.archives import name_of, row, write_zip
from tests.integration.crimes import value
from tests.standins.server import Answer, Request, StandinServer

BODY = random.Random(1).randbytes(3_000_000)


@dataclass
class Files:
    """A server of one file that knows ranges, versions and faults; `faults` are used up one by one."""

    body: bytes = BODY
    etag: str = '"v1"'
    faults: list[Answer | str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def respond(self, request: Request) -> Answer:
        wanted = request.headers.get("range", "")
        self.asked.append(wanted)
        fault = self.faults.pop(0) if self.faults else ""
        if isinstance(fault, Answer):
            return fault
        if request.headers.get("if-none-match") == self.etag:
            return Answer(304)
        found = re.fullmatch(r"bytes=([0-9]+)-", wanted)
        headers = {"ETag": self.etag}
        if not found or request.headers.get("if-range") != self.etag:
            return Answer(200, self.body, "application/zip", headers, fault or "whole")  # type: ignore[arg-type]
        first = int(found[1])
        if first >= len(self.body):
            return Answer(416)
        headers["Content-Range"] = f"bytes {first}-{len(self.body) - 1}/{len(self.body)}"
        return Answer(206, self.body[first:], "application/zip", headers, fault or "whole")  # type: ignore[arg-type]


@pytest.fixture
def files() -> Iterator[Files]:
    files = Files()
    server = StandinServer(files.respond)
    server.start()
    files.url = f"{server.origin}/data/archive/2024-02.zip"
    yield files
    server.stop()


def fetched(here: Context, files: Files, folder: Path) -> bytes:
    return download.fetch(here, files.url, folder).read_bytes()


def test_what_came_before_a_break_is_not_asked_for_again(here: Context, files: Files, tmp_path: Path) -> None:
    files.faults = ["truncated", "truncated", "truncated"]
    assert fetched(here, files, tmp_path) == BODY
    firsts = [int(wanted.removeprefix("bytes=").rstrip("-") or 0) for wanted in files.asked]
    # Half of what was left came each time, but for a piece on its way.
    assert [round(first / 1e5) for first in firsts] == [0, 14, 22, 26]


def test_it_goes_on_in_another_run_of_the_worker(here: Context, files: Files, tmp_path: Path) -> None:
    files.faults = ["truncated", *[Answer(503)] * 20]
    with pytest.raises(SourceUnavailable, match="503"):
        fetched(here, files, tmp_path)
    assert not (tmp_path / "2024-02.zip").exists()
    files.faults.clear()
    assert fetched(here, files, tmp_path) == BODY
    assert files.asked[-1].startswith("bytes=14")


def test_a_file_that_changed_meanwhile_is_asked_for_anew(here: Context, files: Files, tmp_path: Path) -> None:
    files.faults = ["truncated", *[Answer(503)] * 20]
    with pytest.raises(SourceUnavailable):
        fetched(here, files, tmp_path)
    files.faults.clear()
    files.body, files.etag = BODY[::-1], '"v2"'
    assert fetched(here, files, tmp_path) == BODY[::-1]


def test_what_is_there_is_not_downloaded_again(here: Context, files: Files, tmp_path: Path) -> None:
    assert fetched(here, files, tmp_path) == fetched(here, files, tmp_path) == BODY
    assert len(files.asked) == 2
    files.body, files.etag = BODY[:1000], '"v2"'
    assert fetched(here, files, tmp_path) == BODY[:1000]


def test_a_published_md5_is_checked(here: Context, files: Files, tmp_path: Path) -> None:
    files.etag = f'"{hashlib.md5(BODY).hexdigest()}"'
    assert fetched(here, files, tmp_path) == BODY
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    files.body = BODY[::-1]
    with pytest.raises(SourceUnavailable, match="damaged during the download"):
        fetched(here, files, tmp_path)
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(404), "responded 404"),
        (Answer(403), "responded 403"),
        (
            Answer(302, headers={"Location": "http://example.org/2024-02.zip"}),
            "redirects to an address that is not secure",
        ),
        (
            Answer(302, headers={"Location": "ftp://example.org/2024-02.zip"}),
            "redirects to an address that is not secure",
        ),
        (Answer(302, headers={"Location": "/data/archive/2024-02.zip"}), "has too many redirects"),
    ],
)
def test_what_waiting_cannot_better_is_said_at_once(
    here: Context, files: Files, tmp_path: Path, answer: Answer, words: str
) -> None:
    files.faults = [answer] * 9
    with pytest.raises(SourceChanged, match=words):
        fetched(here, files, tmp_path)


def test_a_redirect_to_where_the_file_is_is_followed(here: Context, files: Files, tmp_path: Path) -> None:
    files.faults = [Answer(302, headers={"Location": "/elsewhere/2024-02.zip"})]
    assert fetched(here, files, tmp_path) == BODY


def test_an_address_is_repeated_without_its_query(here: Context, files: Files, tmp_path: Path) -> None:
    files.faults = [Answer(404)]
    with pytest.raises(SourceChanged) as raised:
        download.fetch(here, f"{files.url}?key=secret", tmp_path)
    assert "secret" not in str(raised.value)


def test_a_file_without_room_is_refused_before_it_comes(
    here: Context, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MOST_BYTES", 1000)
    with pytest.raises(ArchiveRefused, match="no archive has more"):
        fetched(here, files, tmp_path)
    monkeypatch.undo()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(ArchiveRefused, match=r"needs 3 MiB in .* where 0 are free"):
        fetched(here, files, tmp_path)


def test_a_source_that_drips_is_left_and_asked_again(
    here: Context, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TRY_S", 0.5)
    files.faults = ["dripping", "dripping"]
    assert fetched(here, files, tmp_path) == BODY


def test_an_archive_at_an_address_comes_in(here: Context, files: Files, tmp_path: Path) -> None:
    files.body = write_zip(tmp_path / "x" / "a.zip", {name_of(): [row(), row(50.92)]}).read_bytes()
    here.settings = here.settings.model_copy(update={"import_folder": tmp_path / "import"})
    assert ingest_archive(files.url)["total_records"] == 2
    assert value(here.connection, "SELECT split_part(source, ' (', 1) FROM ingestion_runs") == "archive 2024-02.zip"
