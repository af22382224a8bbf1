"""Status truth: what status says, judged beside what was so.

A kind is what can be wrong, such as `redis`, or `failed run: JOB` with its subject behind the colon.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PATIENCE_S = 60.0
"""Something wrong may go unnamed for so long."""
AFTERGLOW_S = 30.0
"""Something well may be named for so long after it was wrong."""


@dataclass(frozen=True)
class State:
    """What was so at a moment, known to the house itself."""

    at: float
    wrong: frozenset[str]
    unsure: frozenset[str] = frozenset()
    """Families (what stands before the colon) of which nobody could tell then."""


@dataclass(frozen=True)
class Statement:
    """What all of status said from `began` to `ended`: kinds that it named, with those who did."""

    began: float
    ended: float
    named: Mapping[str, frozenset[str]]


@dataclass
class Verdict:
    """Of one family of kinds."""

    family: str
    times_wrong: int = 0
    longest_s: float = 0.0
    missed: int = 0
    """Episodes in which something was wrong for more than PATIENCE_S and nobody named it."""
    false: int = 0
    """Episodes in which something was named though it had been well for more than AFTERGLOW_S."""
    examples: list[str] = field(default_factory=list)


def judge(states: Sequence[State], statements: Sequence[Statement]) -> list[Verdict]:
    """Both in the order of time. One verdict a family."""
    kinds = {kind for state in states for kind in state.wrong} | {kind for one in statements for kind in one.named}
    verdicts: dict[str, Verdict] = {}
    for kind in sorted(kinds):
        verdict = verdicts.setdefault(family_of(kind), Verdict(family_of(kind)))
        _measure(kind, states, verdict)
        _compare(kind, states, statements, verdict)
    return list(verdicts.values())


def family_of(kind: str) -> str:
    """What stands before the colon."""
    return kind.partition(":")[0]


def _measure(kind: str, states: Sequence[State], verdict: Verdict) -> None:
    since: float | None = None
    for state in states:
        if _is(state, kind) is not True:
            since = None
            continue
        if since is None:
            since = state.at
            verdict.times_wrong += 1
        verdict.longest_s = max(verdict.longest_s, state.at - since)


def _compare(kind: str, states: Sequence[State], statements: Sequence[Statement], verdict: Verdict) -> None:
    was: str | None = None
    for one in statements:
        by = one.named.get(kind, frozenset())
        now = None
        if not by and _was_all(True, kind, states, one.began - PATIENCE_S, one.ended):
            now = "missed"
        elif by and _was_all(False, kind, states, one.began - AFTERGLOW_S, one.ended):
            now = "false"
        if now and now != was:
            verdict.missed += now == "missed"
            verdict.false += now == "false"
            verdict.examples.append(
                f"{now} at {one.began - states[0].at:.0f} s: {kind} {', '.join(sorted(by))}".strip()
            )
        was = now


def _was_all(wrong: bool, kind: str, states: Sequence[State], since: float, until: float) -> bool:
    """Whether it was so at every moment of the time, all of which was looked at."""
    first = bisect_right(states, since, key=lambda state: state.at) - 1
    last = bisect_left(states, until, key=lambda state: state.at)
    if first < 0:
        return False
    return all(_is(state, kind) is wrong for state in states[first : last + 1])


def _is(state: State, kind: str) -> bool | None:
    if family_of(kind) in state.unsure:
        return None
    return kind in state.wrong


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """The verdicts for people."""
    totals: dict[str, int] = defaultdict(int)
    lines = []
    for one in verdicts:
        totals["missed"] += one.missed
        totals["false"] += one.false
        lines.append(
            f"  {one.family:34} wrong {one.times_wrong:3} times, longest {one.longest_s:4.0f} s, "
            f"missed {one.missed:2}, false {one.false:2}"
        )
        lines += [f"       {example}" for example in one.examples[:4]]
    return [f"status: {totals['missed']} missed alarms, {totals['false']} false alarms", *lines]
