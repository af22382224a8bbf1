"""Somebody who looks."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tests.integration.findings.looking import Looker, looking
from worker.settings import Settings


@pytest.fixture
def looker(settings: Settings, connection: Connection) -> Iterator[Looker]:
    with looking(settings, connection) as looker:
        yield looker
