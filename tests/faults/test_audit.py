"""The audit itself: it must find what a broken fence would leave behind."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.audit import Violations, check_steps, compare, ended_well
from tests.faults.harness import quantile
from tests.faults.notes import Cancel, Notes


def effects(*written: tuple[str, int]) -> Any:
    return [SimpleNamespace(writer=writer, step=step) for writer, step in written]


def found(steps: int, *written: tuple[str, int]) -> Violations:
    violations = Violations([], [])
    check_steps("a run", effects(*written), steps, violations)
    return violations


@pytest.mark.parametrize(
    "written",
    [
        [("one", 0), ("one", 1), ("one", 2)],
        [("one", 0), ("two", 1), ("three", 2)],
        # The kill fell between a commit and its checkpoint.
        [("one", 0), ("one", 1), ("two", 1), ("two", 2)],
        [("one", 0), ("two", 0), ("three", 0), ("three", 1), ("three", 2)],
    ],
)
def test_attempts_that_follow_each_other_are_no_violation(written: list[tuple[str, int]]) -> None:
    assert not found(3, *written)


@pytest.mark.parametrize(
    "written",
    [
        [("one", 0), ("two", 1), ("one", 1), ("two", 2)],
        [("one", 0), ("one", 1), ("two", 0), ("two", 1), ("two", 2)],
        [("one", 0), ("one", 0), ("one", 1), ("one", 2)],
    ],
)
def test_an_orphan_that_goes_on_and_steps_done_again_are_doubles(written: list[tuple[str, int]]) -> None:
    assert found(3, *written).doubles


def test_a_step_that_stands_nowhere_is_a_loss() -> None:
    assert found(3, ("one", 0), ("one", 1)).losses
    assert found(1).losses


def test_rows_that_are_missing_are_losses_and_surplus_ones_are_doubles() -> None:
    violations = Violations([], [])
    compare({"crimes": Counter({("a",): 1, ("b",): 2})}, {"crimes": Counter({("b",): 1, ("c",): 1})}, violations)
    assert violations.losses == ["crimes: 1 rows are missing, such as ('c',)"]
    assert violations.doubles == ["crimes: 2 rows too many, such as ('a',)"]


def test_a_quantile_is_a_value_that_was_measured() -> None:
    assert (quantile([3.0, 1.0, 2.0], 0.5), quantile([1.0, 9.0], 0.99), quantile([], 0.5)) == (2.0, 9.0, 0.0)


def run(state: str, error: str | None = None) -> Any:
    return SimpleNamespace(id="a run", state=state, error=error, occurrence=None)


def test_what_was_cancelled_ends_so_and_one_at_work_may_have_been_quicker() -> None:
    notes = Notes(cancelled={"a run": Cancel("cancelled", None)})
    assert [ended_well(run(state), notes) for state in ("cancelled", "finished", "failed")] == [True, False, False]
    notes = Notes(cancelled={"a run": Cancel("started", None)})
    assert [ended_well(run(state), notes) for state in ("cancelled", "finished", "waiting")] == [True, True, False]
    assert not ended_well(run("cancelled"), Notes())


def test_a_run_of_an_unknown_job_must_fail_for_that_reason() -> None:
    notes = Notes(unknown={"a run"})
    assert ended_well(run("failed", "No process has known the job x for 0:00:20"), notes)
    assert not ended_well(run("failed", "Pushed 5 times"), notes)
    assert not ended_well(run("finished"), notes)
