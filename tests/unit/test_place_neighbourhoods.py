import numpy as np
import pytest

from jobs.scores.risk.factors import great_circle_km
from jobs.scores.risk.neighbours import central, neighbourhoods


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_every_place_is_in_one_block_and_no_block_is_too_large(size):
    rng = np.random.default_rng(4)
    blocks = list(neighbourhoods(rng.uniform(-90, 90, 500), rng.uniform(-180, 180, 500), size))
    assert max(len(block) for block in blocks) <= size
    assert sorted(np.concatenate(blocks).tolist()) == list(range(500))


def test_places_in_two_valleys_do_not_share_a_block():
    lat = np.array([46.0, 10.0, 46.1, 10.1, 46.2, 10.2])
    blocks = {frozenset(block.tolist()) for block in neighbourhoods(lat, np.zeros(6), 3)}
    assert blocks == {frozenset({0, 2, 4}), frozenset({1, 3, 5})}


def test_many_places_at_one_spot_are_divided_all_the_same():
    assert [len(block) for block in neighbourhoods(np.full(8, 46.0), np.full(8, 8.0), 2)] == [2, 2, 2, 2]


def test_the_central_place_of_a_row_is_its_middle_even_across_the_date_line():
    lng = np.array([178.0, 179.0, -180.0, -179.0, -178.0])
    assert central(np.zeros(5), lng) == 2
    assert great_circle_km(0.0, lng[2], np.zeros(5), lng).max() < 223


def test_no_places_make_no_blocks():
    assert list(neighbourhoods(np.array([]), np.array([]), 5)) == []
