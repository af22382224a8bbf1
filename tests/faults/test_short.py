"""The short form: each disturbance once."""

import pytest

from tests.faults.disturbances import KINDS
from tests.faults.harness import run


@pytest.mark.long
def test_nothing_is_lost_and_nothing_done_twice_whatever_is_killed() -> None:
    report = run(seed=7, count=len(KINDS))
    assert not report.violations, "\n".join(report.lines())
    assert len(report.done) == len(KINDS)
    assert report.runs["finished"] > 0
