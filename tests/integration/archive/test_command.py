"""The command hands an archive to the workers; doctor says whether there is room for it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from jobs.archive import room
from tests.archives import name_of, row, write_zip
from worker import doctor
from worker.cli import cli
from worker.client import Client
from worker.settings import Settings

FILES = {name_of(): [row()]}


@pytest.fixture
def folder(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "import"
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    monkeypatch.setenv("SAFEGRID_IMPORT_FOLDER", str(folder))
    return folder


def asked(settings: Settings, *arguments: str) -> dict[str, object]:
    """Parameters of the run that the command asks for."""
    done = CliRunner().invoke(cli, ["ingest-archive", *arguments, "--no-wait"])
    assert done.exit_code == 0, done.output
    with Client(settings) as client:
        parameters: dict[str, object] = client.run(done.stdout.strip()).parameters
    return parameters


def test_a_file_from_elsewhere_is_put_into_the_import_folder(settings: Settings, folder: Path, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "2024-01.zip", FILES)
    parameters = asked(settings, str(path), "--area", "country", "--from", "2023-12", "--to", "2024-01")
    assert (folder / "2024-01.zip").read_bytes() == path.read_bytes()
    names = ("archive", "area", "oldest", "newest")
    assert [parameters[name] for name in names] == ["2024-01.zip", "country", "2023-12", "2024-01"]


def test_a_file_or_folder_of_the_import_folder_is_named(settings: Settings, folder: Path) -> None:
    write_zip(folder / "2024-01.zip", FILES)
    (folder / "files").mkdir()
    assert asked(settings, "2024-01.zip")["archive"] == "2024-01.zip"
    assert asked(settings, str(folder / "files"), "--again")["archive"] == "files"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no.zip"], "no.zip does not exist, neither here nor in the import folder"),
        (["tests"], "is outside the import folder"),
        (["http://example.org/2024-01.zip"], "must be an https:// address"),
        (["https://example.org/2024-01.zip", "--from", "13-2024"], "must be a month, YYYY-MM"),
        (["https://example.org/2024-01.zip", "--area", "atlantis"], "must be one of country, southampton-core"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(folder: Path, arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(cli, ["ingest-archive", *arguments, "--no-wait"])
    assert done.exit_code != 0
    assert words in f"{done.output}{done.exception}"


def test_doctor_says_how_much_room_an_archive_takes_and_whether_it_is_there(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_zip(folder / "2024-01.zip", FILES)
    (folder / "broken.zip").write_text("no zip")
    settings = settings.model_copy(update={"import_folder": folder})

    def said() -> list[tuple[bool, str]]:
        return [(line.fine, line.words) for line in doctor.examine(settings) if line.what == "Archive"]

    good, broken = said()
    assert good[0]
    assert "2024-01.zip needs about 0.0 GiB in PostgreSQL" in good[1]
    assert (broken[0], broken[1].split(":")[0]) == (False, "broken.zip")
    monkeypatch.setattr(room, "free", lambda _: 1)
    assert not said()[0][0]
