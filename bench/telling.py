"""Two supervisors, two schedulers, the web and a receiver of messages meet one fault after the other.

*Page* is the time from the fault until the health API names it. *Message* is the time until the receiver has an
alert, which waits for the patience of the [kind of finding](findings.md). *Off the page* and *over* are the times
from the end of the fault until both say so. Each fault should cause two messages, one when it begins and one when
it is over. If a source is down, that is over when the run's next attempt succeeds.
"""

from collections.abc import Iterator

from bench.harness import Ratio
from tests.faults import telling
from worker import logs
from worker.findings.kinds import KINDS
from worker.settings import Settings

# What is wrong for longer is named.
NAMED_S = 60
# A look at what is wrong, a delivery, and a busy machine, beside the patience of the kind.
SLACK_S = 30


def measure() -> Iterator[Ratio]:
    """Each fault once."""
    logs.configure(Settings(LOG_LEVEL="ERROR"))
    with telling.at_desk() as desk:
        for name, kind, fault, end in telling.faults(desk.house):
            told = telling.measure(desk, name, kind, fault, end)
            yield from _rows(told)
            desk.house.pause(5)


def _rows(told: telling.Told) -> Iterator[Ratio]:
    goals = {"page": NAMED_S, "message": KINDS[told.kind].patience_s + SLACK_S, "off the page": None, "over": None}
    seconds = (told.page, told.message, told.off_page, told.over)
    detail = f"`{told.kind}`, {told.messages} messages"
    for (part, goal), took in zip(goals.items(), seconds, strict=True):
        yield Ratio(f"{told.name}: {part}", telling.LONGEST_S if took is None else took, "s", goal, "lower", detail)
