"""The page of the commands has each command with its options, and nothing else."""

from collections.abc import Iterator

import click

from tests.docs.pages import in_code, tables
from worker import cli

HEADER = "| command | options | what it does |"
# Said of all commands at the top of the page.
OF_ALL = {"--help", "--json"}
# Each job is a command below it, with the job's parameters: see the page of the jobs.
OF_A_RUN = {"--due-at", "--wait", "--timeout"}


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
