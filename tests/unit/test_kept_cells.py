"""What is known of cells is read once, and is what was read, however many ask."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jobs.grid.paths.kept import Columns, Kept
from jobs.grid.region import Ints

CELLS = st.lists(st.sets(st.integers(0, 60)), max_size=12)


def squares(cells: Ints) -> Columns:
    return np.stack([cells, cells**2])


def asked(kept: Kept, cells: set[int], read: list[int]) -> None:
    """Ask, and compare with what there is to know."""
    wanted = np.array(sorted(cells), dtype=np.int64)

    def reading(missing: Ints) -> Columns:
        read.extend(missing.tolist())
        return squares(missing)

    columns, places = kept.of(wanted, reading)
    assert np.array_equal(columns[:, places], squares(wanted))


@given(CELLS)
def test_each_cell_is_read_once(asks: list[set[int]]) -> None:
    kept, read = Kept(), list[int]()
    for cells in asks:
        asked(kept, cells, read)
    assert sorted(read) == sorted(set().union(*asks))


@given(CELLS)
def test_what_others_asked_for_is_forgotten_where_there_is_no_room(asks: list[set[int]]) -> None:
    most = 20
    kept, read = Kept(most_bytes=most * 16), list[int]()
    for cells in asks:
        asked(kept, cells, read)
        columns, _ = kept.of(np.array(sorted(cells), dtype=np.int64), squares)
        assert columns.shape[1] <= max(most, *map(len, asks), 0)


def test_threads_may_ask_at_once() -> None:
    kept = Kept(most_bytes=100 * 16)
    chance = np.random.default_rng(1)
    asks = [set(chance.integers(0, 150, 40).tolist()) for _ in range(400)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda cells: asked(kept, cells, []), asks))
