"""The page for those who come from the replaced systems names every command of their documents."""

import pytest

from tests.contract import documents
from tests.docs.blocks import ROOT
from worker.cli import COMMANDS

PAGE = ROOT / "docs/contract.md"
# Of the machine and of their web application: nothing of ours takes their place.
NOT_OURS = ("poetry", "docker", "docker-compose", "brew", "cd", "export", "curl", "uvicorn")


def rows() -> dict[str, str]:
    """{their command: ours}, of the page's table of commands."""
    table = PAGE.read_text().split("## Commands\n")[1].split("\n## ")[0]
    cells = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    return {cell[0].strip().strip("`"): cell[1].strip() for cell in cells}


@pytest.mark.parametrize("system", ["saferoute", "safeascent"])
def test_every_command_has_its_row(system: str) -> None:
    named = rows()
    for words in documents.shell_commands(documents.read(system)):
        command = " ".join(words).removesuffix(" &")
        if words[0] not in NOT_OURS:
            assert any(command.startswith(theirs) for theirs in named), command


def test_every_command_that_a_row_names_is_there() -> None:
    for ours in rows().values():
        for part in ours.split("`safegrid ")[1:]:
            assert part.split("`")[0].split()[0] in COMMANDS, ours
