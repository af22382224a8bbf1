"""The judge of status, with records that are made up."""

from tests.faults.statements import kind_of_finding, kinds_of_metrics
from tests.faults.truth import State, Statement, Verdict, judge, table


def states(*spans: tuple[float, float, str], until: float = 300, unsure: str = "") -> list[State]:
    """One a second; in each span (from, to, kind) that kind is wrong."""
    return [
        State(
            float(at),
            frozenset(kind for begin, end, kind in spans if begin <= at < end),
            frozenset({unsure} if unsure else ()),
        )
        for at in range(int(until))
    ]


def statements(*spans: tuple[float, float, str], until: float = 300) -> list[Statement]:
    """One every three seconds; in each span doctor names that kind."""
    return [
        Statement(
            float(at),
            at + 1.0,
            {kind: frozenset({"doctor"}) for begin, end, kind in spans if begin <= at < end},
        )
        for at in range(0, int(until) - 3, 3)
    ]


def verdict_of(*, wrong: tuple[float, float, str], named: tuple[float, float, str], unsure: str = "") -> Verdict:
    (verdict,) = judge(states(wrong, unsure=unsure), statements(named))
    return verdict


def test_what_is_named_in_time_and_no_longer_than_it_lasts_is_true() -> None:
    verdict = verdict_of(wrong=(50, 150, "redis"), named=(100, 175, "redis"))
    assert (verdict.missed, verdict.false, verdict.times_wrong) == (0, 0, 1)
    assert verdict.longest_s == 99


def test_what_is_wrong_for_a_minute_and_unnamed_is_one_missed_alarm() -> None:
    verdict = verdict_of(wrong=(50, 200, "redis"), named=(150, 200, "redis"))
    assert (verdict.missed, verdict.false) == (1, 0)


def test_what_passes_within_a_minute_need_not_be_named() -> None:
    verdict = verdict_of(wrong=(50, 105, "redis"), named=(0, 0, ""))
    assert (verdict.missed, verdict.false) == (0, 0)


def test_what_is_named_long_after_it_became_well_is_one_false_alarm() -> None:
    verdict = verdict_of(wrong=(50, 60, "redis"), named=(55, 120, "redis"))
    assert (verdict.missed, verdict.false) == (0, 1)
    assert "doctor" in verdict.examples[0]


def test_what_nobody_could_know_is_not_judged() -> None:
    verdict = verdict_of(wrong=(0, 0, ""), named=(50, 200, "workers"), unsure="workers")
    assert (verdict.missed, verdict.false) == (0, 0)


def test_subjects_are_judged_each_and_counted_together() -> None:
    (verdict,) = judge(
        states((0, 200, "failed run: one"), (0, 200, "failed run: two")), statements((0, 200, "failed run: one"))
    )
    assert (verdict.family, verdict.missed) == ("failed run", 1)
    assert "1 missed alarms, 0 false alarms" in table([verdict])[0]


def test_findings_and_metrics_are_of_the_same_kinds() -> None:
    assert kind_of_finding("redis_away", "queues") == "redis"
    assert kind_of_finding("no_workers", "cache") == "workers"
    assert kind_of_finding("unknown_job", "gone") == "unknown job: gone"
    assert kind_of_finding("occurrence_missed", "tick") == "missed occurrence: tick"
    assert kind_of_finding("failed_run", "rebuild_safety_grid(months=12)") == "failed run: rebuild_safety_grid"
    assert kind_of_finding("clock_skew", "host").startswith("other")
    assert not kind_of_finding("", "")
    said = "safegrid_redis_up 0\nsafegrid_schedulers 1\n" + "".join(
        f'safegrid_workers{{queue="cache",state="{state}"}} 0\n' for state in ("idle", "busy")
    )
    assert list(kinds_of_metrics(said)) == ["redis", "workers"]
