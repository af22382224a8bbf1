"""A chat of each kind, and findings that open and pass."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.integration.crimes import change
from tests.integration.findings.looking import Looker, looking
from tests.standins.chats import Chat
from worker.settings import Settings


@pytest.fixture
def chat() -> Iterator[Callable[..., Chat]]:
    """Makes receivers of a kind, which listen until the test's end."""
    with ExitStack() as open_ones:
        yield lambda kind, **values: open_ones.enter_context(Chat(kind, **values))


@pytest.fixture
def looker(settings: Settings, connection: Connection) -> Iterator[Looker]:
    with looking(settings, connection) as looker:
        yield looker


@pytest.fixture
def ago(connection: Connection) -> Callable[[], None]:
    """Everything that is open has been so for two hours: longer than any patience."""

    def set_back() -> None:
        change(connection, "UPDATE findings SET since = since - interval '2 hours' WHERE resolved_at IS NULL")

    return set_back


def told_by(settings: Settings, *urls: str, **values: Any) -> Settings:
    """Settings with these receivers."""
    return settings.model_copy(update={"alert_receivers": " ".join(urls), **values})
