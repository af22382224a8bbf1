"""The short form: each disturbance once."""

import pytest

from tests.faults.disturbances import KINDS
from tests.faults.harness import run


@pytest.mark.long
def test_nothing_is_lost_and_nothing_done_twice_whatever_is_killed() -> None:
    report = run(seed=7, count=len(KINDS))
    assert not report.violations, "\n".join(report.lines())
    # A disk to fill can be mounted by root alone.
    assert {kind.__name__ for kind in KINDS} - set(report.done) <= {"fill_disk"}
    assert report.runs["finished"] > 0
