"""Whatever is done and killed in whatever order: no run is lost, none is done by two, what is cancelled stays so."""

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from jobs.models.runs import Run
from tests.simulation.running import simulate
from worker import attempts, claim, follow_ups, sweep
from worker.settings import Settings

SEQUENCES = 80


@pytest.mark.long
def test_every_sequence_comes_to_its_end(settings: Settings, request: pytest.FixtureRequest) -> None:
    given = str(request.config.getoption("--hypothesis-seed"))
    report = simulate(settings, SEQUENCES, int(given) if given.isdecimal() else 1)
    assert report.sequences >= SEQUENCES
    assert report.steps > 10 * SEQUENCES
    # It went where it is narrow.
    assert min(report.outcomes[state] for state in ("finished", "failed", "cancelled", "skipped")) > 0, report.outcomes
    assert min(report.accidents[kind] for kind in ("killed", "cut", "overtaken")) > SEQUENCES / 10, report.accidents


def _claim_whatever_the_state(patch: pytest.MonkeyPatch) -> None:
    begin = attempts._BEGIN.element.text.replace("state IN ('waiting', 'queued') AND ", "")
    columns = (Run.job, Run.queue, Run.parameters, Run.attempt, Run.checkpoint)
    patch.setattr(attempts, "_BEGIN", text(begin).columns(*columns))


def _claim_beside_an_equal_run(patch: pytest.MonkeyPatch) -> None:
    has_to_wait = attempts._HAS_TO_WAIT.text.replace("ahead.state = 'started'", "false")
    patch.setattr(attempts, "_HAS_TO_WAIT", text(has_to_wait))


def _claim_without_the_lock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claim, "acquire", lambda _connection, _run_id: True)


def _push_once_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep, "_DUE", text(sweep._DUE.text.replace("OR state = 'queued'", "OR false")))


def _forget_a_cancel_with_a_loss(patch: pytest.MonkeyPatch) -> None:
    settle = attempts.settle_lost

    def settle_lost(connection: Any, run: Any, **given: Any) -> None:
        settle(connection, SimpleNamespace(id=run.id, attempt=run.attempt, cancel_requested_by=None), **given)

    patch.setattr(attempts, "settle_lost", settle_lost)


def _ask_for_follow_ups_at_every_sweep(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(follow_ups, "OWES_FOLLOW_UPS", "attempt > 0 AND state IN ('failed', 'cancelled')")


def _lose_without_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(attempts, "MAX_LOSSES", 1_000)


# What is broken, what is found, and a seed that finds it soon.
BROKEN = (
    (_claim_whatever_the_state, "refused what was never to be asked|begun again", 6),
    (_claim_beside_an_equal_run, "equal runs at work at once", 1),
    (_claim_without_the_lock, "holds its claim, and the run is", 5),
    (_push_once_only, "is due and on no list|never ended", 5),
    (_forget_a_cancel_with_a_loss, "was cancelled", 1),
    (_ask_for_follow_ups_at_every_sweep, r"led to \d runs", 5),
    (_lose_without_end, "budget", 1),
)


@pytest.mark.long
@pytest.mark.parametrize(("break_it", "found", "seed"), BROKEN)
def test_a_rule_that_is_broken_is_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, break_it: Any, found: str, seed: int
) -> None:
    break_it(monkeypatch)
    with pytest.raises(AssertionError, match=found):
        simulate(settings, 3 * SEQUENCES, seed, shrink=False)
