"""What is known of cells, in the memory of one process."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.grid.region import Ints

Columns = npt.NDArray[Any]
"""Shape (width, cells): what is reckoned with stands side by side in memory."""
# Enough for the cells of a county.
_MOST_BYTES: Final = 32 * 2**20


class Kept:
    """Columns of numbers by cell, read once each; bounded. May be used by several threads at once."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        # Replaced and never changed: a thread that reads an old state reads a whole one.
        self._state: tuple[Ints, Columns] | None = None

    def of(self, cells: Ints, read: Callable[[Ints], Columns]) -> tuple[Columns, Ints]:
        """Columns, and the place in them of each of `cells`, which are distinct and in order.

        read: columns of the cells that are not known yet.
        """
        state = self._state
        missing = cells if state is None else cells[~_is_in(cells, state[0])]
        if state is None:
            state = missing, read(missing)
        elif len(missing):
            state = self._joined(*state, cells, missing, read(missing))
        self._state = state
        ids, columns = state
        return columns, np.searchsorted(ids, cells)

    def _joined(self, ids: Ints, columns: Columns, cells: Ints, missing: Ints, fresh: Columns) -> tuple[Ints, Columns]:
        """What was known and what is new; where that is too much, of `cells` alone."""
        if columns.nbytes + fresh.nbytes > self._most_bytes:
            needed = _is_in(ids, cells)
            ids, columns = ids[needed], columns[:, needed]
        both = np.concatenate((ids, missing))
        order = np.argsort(both)
        return both[order], np.concatenate((columns, fresh), axis=1)[:, order]


def _is_in(some: Ints, others: Ints) -> npt.NDArray[np.bool_]:
    """Whether each of `some` is among `others`; both in order."""
    if not len(others):
        return np.zeros(len(some), dtype=bool)
    return np.asarray(others[np.minimum(np.searchsorted(others, some), len(others) - 1)] == some)
