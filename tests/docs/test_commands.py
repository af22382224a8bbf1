"""The page of the commands has each command with its options, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from tests.docs.blocks import ROOT, Block, blocks
from tests.docs.pages import in_code, paths, prose, tables
from worker import cli

HEADER = "| command | options | what it does |"
# Said of all commands at the top of the page.
OF_ALL = {"--help", "--json"}
# Each job is a command below it, with the job's parameters: see the page of the jobs.
OF_A_RUN = {"--due-at", "--wait", "--timeout"}
# At the beginning, after a variable, or within another command.
_CALL = re.compile(r"(?:^|\w=\S+ |bin/|\()safegrid ([a-z][^#|>)]*)")
# Those of the guides, which a reader writes.
_THEIR_JOBS = ("run sample_crimes", "run say_hello")


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    context = click.Context(cli.cli)
    for name in cli.COMMANDS:
        found = cli.cli.get_command(context, name)
        if isinstance(found, click.Group) and name != "run":
            yield from ((f"{name} {below}", command) for below, command in found.commands.items())
        elif found:
            yield name, found


def options(command: click.Command) -> set[str]:
    """The long names of a command's options, but for those of all commands."""
    given = [one for one in command.params if isinstance(one, click.Option)]
    return {name for one in given for name in one.opts if name.startswith("--")} - OF_ALL


def documented() -> dict[str, set[str]]:
    """{words of a command: its options}, as the page has them."""
    found = {}
    for command, row, _ in tables("docs/commands.md", HEADER):
        (call,) = in_code(command)
        words = [word for word in call.removeprefix("safegrid ").split() if word == word.lower()]
        found[" ".join(words)] = {option.split()[0] for option in in_code(row)}
    return found


def test_every_command_is_listed_with_its_options() -> None:
    found = {name: options(command) for name, command in commands()}
    assert documented() == found | {"run": OF_A_RUN}


def test_every_run_has_the_options_that_the_page_names() -> None:
    found = dict(commands())["run"]
    assert isinstance(found, click.Group)
    context = click.Context(found)
    for name in found.list_commands(context):
        command = found.get_command(context, name)
        assert command
        assert options(command) >= OF_A_RUN, name


def blocks_of(page: Path) -> list[Block]:
    return [one for one in blocks() if ROOT / one.file == page and one.kind in ("console", "text")]


def calls() -> Iterator[tuple[str, str]]:
    """Every call of `safegrid` that a page shows, in a block or in its text, with the page's name."""
    for page in paths():
        shown = [*in_code(prose(page)), *(line for block in blocks_of(page) for line in block.script.splitlines())]
        yield from ((page.name, call) for text in shown for call in _CALL.findall(text))


def wrong_with(call: str) -> str:
    """Why the call cannot work; nothing if it can."""
    command: click.Command = cli.cli
    words = call.split()
    while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z][a-z0-9_-]*", words[0]):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    known = {"--help", "--version", *(name for one in command.params for name in (*one.opts, *one.secondary_opts))}
    return ", ".join(word for word in words if word.startswith("--") and word.partition("=")[0] not in known)


def test_every_call_that_a_page_shows_is_of_a_command_with_those_options() -> None:
    found = [(page, call) for page, call in calls() if not call.startswith(_THEIR_JOBS)]
    assert len(found) > 100
    assert {(page, call, wrong) for page, call in found if (wrong := wrong_with(call))} == set()


def test_a_call_that_cannot_work_is_found() -> None:
    assert wrong_with("area grow x") == "no command grow"
    assert wrong_with("run rebuild_safety_grid --monts 3 --wait") == "--monts"
    assert not wrong_with("migrate --to 0021")
