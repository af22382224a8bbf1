"""Somebody who is told of events, and what performs their deliveries."""

from collections.abc import Iterator

import pytest

from tests.standins.subscriber import EventReceiver


@pytest.fixture
def receiver() -> Iterator[EventReceiver]:
    with EventReceiver() as receiver:
        yield receiver
