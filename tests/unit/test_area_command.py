"""What `safegrid area add` refuses before it asks the database for anything."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.borders import STOKE, as_file, feature, polygon
from worker.cli.areas import area

FILE = ["--polygon", "wards.geojson"]
BY_NAME = [*FILE, "--name-property", "name"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (FILE, "Give a SLUG, or --name-property to add the areas of a file"),
        (["stoke"], "Give the border of the area: either --box or --polygon"),
        (["stoke", *FILE, "--box", "50,-2,51,-1"], "Give the border of the area: either --box or --polygon"),
        (
            ["stoke", "--box", "-2,50,-1,51"],
            "look swapped: latitude comes first, 50.0,-2.0",
        ),
        (["--name-property", "name"], "--name-property needs a file: add --polygon FILE"),
        ([*BY_NAME, "--name", "Stoke"], "remove --name and --box"),
        ([*BY_NAME, "--box", "50,-2,51,-1"], "remove --name and --box"),
        (["castle", *BY_NAME], "wards.geojson has no area castle. Its areas: old-town"),
        ([*FILE, "--name-property", "ward"], "its property ward has no name (found nothing). Its properties: name"),
    ],
)
def test_a_call_that_names_no_border_or_two_is_refused(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wards.geojson").write_bytes(as_file(feature(polygon(STOKE), name="Old Town")))
    done = CliRunner().invoke(area, ["add", *arguments])
    assert done.exit_code != 0
    # What is wrong with a file is printed by the program around this command.
    assert words in done.output + str(done.exception)
