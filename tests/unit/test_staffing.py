"""How many workers each queue has: the usual number, or what is left of what somebody chose."""

import pytest

from worker import staffing

QUEUES = ("ingestion", "maintenance", "cache", "events")


@pytest.mark.parametrize(
    ("queues", "fewest", "counts"),
    [
        (QUEUES, 1, [1, 1, 1, 0]),
        (QUEUES, 5, [2, 2, 1, 0]),
        (("ingestion",), 2, [2]),
        (("events",), 2, [0]),
    ],
)
def test_the_usual_number_is_one_and_what_is_left_in_turn(
    queues: tuple[str, ...], fewest: int, counts: list[int]
) -> None:
    assert staffing.usual(queues, fewest) == counts


@pytest.mark.parametrize(
    ("counts", "most", "left"),
    [
        ((3, 1, 1, 0), 8, [3, 1, 1, 0]),
        ((6, 1, 2, 1), 8, [4, 1, 2, 1]),
        ((64, 64, 1, 1), 8, [3, 3, 1, 1]),
        ((5, 5, 5, 0), 1, [1, 1, 1, 0]),
    ],
)
def test_all_together_stay_within_the_limit_and_each_keeps_one(
    counts: tuple[int, ...], most: int, left: list[int]
) -> None:
    assert list(staffing.within(dict(zip(QUEUES, counts, strict=True)), most).values()) == left
