"""What a state machine chooses from."""

from typing import Any

from hypothesis import strategies as st

from tests.simulation.house import HOUR_S, QUEUES

JOBS = st.sampled_from(("plain", "joins", "leads"))
NUMBERS = st.integers(0, 1)
INDEX = st.integers(0, 7)
QUEUE = st.sampled_from(QUEUES)
OLD = frozenset(("plain", "leads", "hourly"))
"""What a version knows that is still running somewhere."""
SECONDS = st.sampled_from((6, 20, 60, 16 * 60, HOUR_S, 3 * HOUR_S))
# What one process may do between two words of another.
OTHERS = st.one_of(
    st.tuples(st.just("sweep")),
    st.tuples(st.just("submit"), JOBS, NUMBERS),
    st.tuples(st.sampled_from(("cancel", "retry")), INDEX),
    st.tuples(st.just("take"), INDEX),
    st.tuples(st.just("purge"), QUEUE),
    st.tuples(st.sampled_from(("finish", "fail", "stop", "kill")), INDEX),
    st.tuples(st.just("flush")),
)


def interruptions(words: int) -> st.SearchStrategy[Any]:
    """None, or one after at most so many words to PostgreSQL and Redis."""
    at = st.integers(0, words)
    return st.one_of(
        st.none(),
        st.tuples(st.sampled_from(("killed", "cut")), at, st.none()),
        st.tuples(st.just("overtaken"), at, OTHERS),
    )


INTERRUPTIONS = interruptions(10)
OF_A_SWEEP = interruptions(40)
SOMETIMES = st.sampled_from((False, False, True))
