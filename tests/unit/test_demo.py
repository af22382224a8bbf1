"""The demo says in one line what it cannot show, before it brings anything up."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.demo import demo


@pytest.mark.parametrize("content", [b"no zip", b"", b"PK\x05\x06" + b"\0" * 18])
def test_data_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "crimes.zip"
    path.write_bytes(content)
    done = CliRunner().invoke(demo, ["--data", str(path)])
    assert done.exit_code == 1
    assert done.output.startswith("Error: crimes.zip: ")
    assert done.output.count("\n") == 1
