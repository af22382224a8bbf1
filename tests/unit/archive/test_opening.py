"""An archive that is none, is damaged, or could do harm is refused by name before any of it is read."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.archive import opening
from jobs.archive.errors import ArchiveRefused
from jobs.archive.opening import opened
from tests.archives import content, name_of, row, write_zip

GOOD = {name_of(): [row()]}


def with_entry(path: Path, change: Callable[[zipfile.ZipInfo], None], body: bytes = b"x") -> Path:
    write_zip(path, GOOD)
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo("2024-01/2024-01-dorset-street.csv")
        change(entry)
        archive.writestr(entry, body, zipfile.ZIP_DEFLATED)
    return path


def named(name: str) -> Callable[[zipfile.ZipInfo], None]:
    def change(entry: zipfile.ZipInfo) -> None:
        entry.filename = name

    return change


def linked(entry: zipfile.ZipInfo) -> None:
    entry.external_attr = 0o120777 << 16


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (named("../2024-01-dorset-street.csv"), "leads outside the archive"),
        (named("/etc/2024-01-dorset-street.csv"), "leads outside the archive"),
        (named("2024-01\\..\\2024-01-dorset-street.csv"), "leads outside the archive"),
        (named("C:/2024-01-dorset-street.csv"), "leads outside the archive"),
        (linked, "is a link"),
        (named("2024-01/more.zip"), "is an archive within the archive"),
        (named("2024-01/2024-01-dorset-street.csv.gz"), "is an archive within the archive"),
    ],
)
def test_an_entry_that_could_do_harm_is_named(
    tmp_path: Path, change: Callable[[zipfile.ZipInfo], None], words: str
) -> None:
    path = with_entry(tmp_path / "2024-02.zip", change)
    with pytest.raises(ArchiveRefused, match=f"2024-02.zip: .*{words}. Nothing was changed"), opened(path):
        pass


def test_a_file_that_unpacks_to_hundreds_of_times_its_size_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bomb.zip", {name_of(): bytes(20 * 2**20)})
    with pytest.raises(ArchiveRefused, match=r"unpacks to [0-9]+ times its size"), opened(path):
        pass


def test_all_files_together_may_not_be_larger_than_any_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MOST_BYTES", 100)
    path = write_zip(tmp_path / "large.zip", GOOD)
    with pytest.raises(ArchiveRefused, match="no archive has more"), opened(path):
        pass


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "secret.zip", GOOD)
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveRefused, match="is encrypted"), opened(path):
        pass


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_truncated_archive_is_refused(tmp_path: Path, cut: int) -> None:
    path = write_zip(tmp_path / "short.zip", GOOD)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ArchiveRefused, match=r"short\.zip: .*Nothing was changed"), opened(path):
        pass


@pytest.mark.parametrize("body", [b"", b"%PDF-1.4", b"PK", b"\0" * 70_000])
def test_what_is_no_zip_is_refused(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "odd.zip"
    path.write_bytes(body)
    with pytest.raises(ArchiveRefused, match="it is not a complete zip file"), opened(path):
        pass


def test_a_million_entries_are_refused_before_they_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(66_000):
            archive.writestr(f"{number}", b"")
    path = tmp_path / "many.zip"
    path.write_bytes(buffer.getvalue())
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("its directory was read"))
    with pytest.raises(ArchiveRefused, match="66,000 entries"), opened(path):
        pass


def test_a_count_that_is_a_lie_is_found_out(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "lie.zip", {**GOOD, name_of("dorset"): [row()]})
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    struct.pack_into("<HH", data, end + 8, 1, 1)
    path.write_bytes(data)
    with opened(path) as archive:
        # The directory itself is what counts.
        assert len(archive.members) == 2


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "twice.zip", GOOD)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name_of(), content([row()]))
    with pytest.raises(ArchiveRefused, match="two entries of the same name"), opened(path):
        pass


def test_two_files_of_one_force_and_month_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "twice.zip", {**GOOD, f"again/{name_of()}": [row()]})
    with pytest.raises(ArchiveRefused, match="of the same force and month"), opened(path):
        pass


def test_an_archive_without_street_crimes_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "other.zip", {"2024-01/2024-01-hampshire-outcomes.csv": [row()]})
    with pytest.raises(ArchiveRefused, match=r"no file such as 2024-01-hampshire-street\.csv"), opened(path):
        pass


def test_a_file_that_was_changed_on_its_way_is_named(tmp_path: Path) -> None:
    path = tmp_path / "stored.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name_of(), content([row()]))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"High Street", b"Bigh Street", 1))
    damaged = pytest.raises(ArchiveRefused, match=r"2024-01-hampshire-street.csv is damaged")
    with opened(path) as archive, damaged, archive.open(archive.members[0]) as file:
        file.read()


def test_members_are_those_of_street_crimes_the_newest_month_first(tmp_path: Path) -> None:
    files = {
        name_of("hampshire", "2024-01"): [row()],
        name_of("hampshire", "2024-02"): [row()],
        name_of("btp"): [row()],
    }
    path = write_zip(tmp_path / "any.zip", {**files, "2024-01/2024-01-hampshire-stop-and-search.csv": [row()]})
    with opened(path) as archive:
        found = [(f"{one.month:%Y-%m}", one.force) for one in archive.members]
        assert f"{archive.release:%Y-%m}" == "2024-02"
    assert found == [("2024-02", "hampshire"), ("2024-01", "btp"), ("2024-01", "hampshire")]


def test_the_release_is_that_of_the_name_but_never_before_its_newest_month(tmp_path: Path) -> None:
    for name, release in (("2026-09.zip", "2026-09"), ("2023-01.zip", "2024-01")):
        with opened(write_zip(tmp_path / name, GOOD)) as archive:
            assert f"{archive.release:%Y-%m}" == release


def test_a_folder_is_an_archive_too_and_may_have_no_links(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "2024-01"
    folder.mkdir(parents=True)
    (folder / "2024-01-hampshire-street.csv").write_text(content([row()]))
    with opened(tmp_path / "files") as archive:
        (member,) = archive.members
        with archive.open(member) as file:
            assert file.read().decode() == content([row()])
    (folder / "2024-01-dorset-street.csv").symlink_to(folder / "2024-01-hampshire-street.csv")
    with pytest.raises(ArchiveRefused, match=r"2024-01-dorset-street.csv is a link"), opened(tmp_path / "files"):
        pass
