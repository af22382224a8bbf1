"""What people read says it in the words of docs/glossary.md: the help of commands, the OpenAPI document, pages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from apiflask import APIFlask
from click.testing import CliRunner
from flask.testing import FlaskClient

from tests.web.conftest import plain_paths
from worker.cli import cli

# {what is not said: the term of the glossary in its place}
NOT_SAID = {
    r"\brests\b|let .* rest\b|goes? on with": "pause, resume",
    r"\banswers?\b|\banswered\b": "response, responds, returns",
    r"\bopens? nothing|in no more|let somebody in": "revoke, remove, sign in",
    r"\bbegins? again|made good": "retry",
    r"\bholdings|\b(is|are|not) held\b|published and not": "ingested, missing month",
    r"half take|take up to": "median, 95th percentile",
    r"is said\b|is told\b|are told\b": "a sentence with a subject",
    r"\bno whole number|are no numbers|is none:": "must be ...",
    r"\bInput should|Field required|Value error|valid integer": "must be ...",
    r"(?-i:\b(None|True|False|NoneType)\b)": "yes, no, left out, null",
}


def found(text: str) -> list[str]:
    """Pieces that ought to be said otherwise, each with its term."""
    hits = ((one, term) for pattern, term in NOT_SAID.items() for one in re.finditer(pattern, text, re.IGNORECASE))
    return [f"{text[max(0, one.start() - 40) : one.end() + 40]!r}: say {term}" for one, term in hits]


def commands(command: click.Command, *names: str) -> Iterator[tuple[str, ...]]:
    """The names of a command and of all below it."""
    yield names
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, *names, name)


def texts(part: Any) -> Iterator[str]:
    """Summaries and descriptions of an OpenAPI document."""
    if isinstance(part, list):
        for one in part:
            yield from texts(one)
    if isinstance(part, dict):
        for name, one in part.items():
            if name in ("summary", "description") and isinstance(one, str):
                yield one
            else:
                yield from texts(one)


def seen(html: str) -> str:
    """What a page shows, without what it quotes as code."""
    without = re.sub(r"<(script|style|code|pre)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", without).split())


def test_the_words_are_found_where_they_are() -> None:
    assert len(found("The queue maintenance rests")) == 1
    assert len(found("Let a token open nothing more")) == 1
    assert len(found("half take up to 0.59 s")) == 1
    assert found("The queue maintenance is paused") == []
    terms = (Path(__file__).parents[2] / "docs/glossary.md").read_text()
    assert all(f"| {term} |" in terms for term in ("pause, resume", "retry", "ingest", "missing month"))


def test_help_says_it_in_the_words_of_the_glossary() -> None:
    every = list(commands(cli))
    assert len(every) > 60
    for names in every:
        shown = CliRunner().invoke(cli, [*names, "--help"]).output
        assert shown.startswith("Usage: "), names
        assert found(shown) == [], names


def test_the_document_says_it_in_the_words_of_the_glossary(program: FlaskClient) -> None:
    said = list(texts(program.get("/openapi.json").json))
    assert len(said) > 500
    assert [hit for one in said for hit in found(one)] == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pages_say_it_in_the_words_of_the_glossary(app: APIFlask, browser: FlaskClient) -> None:
    own = [
        path for path in plain_paths(app) if not path.startswith(("/api/", "/rq", "/metrics", "/openapi", "/static"))
    ]
    assert len(own) > 15
    for path in own:
        assert found(seen(browser.get(path).text)) == [], path
