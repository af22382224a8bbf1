"""What a month must be before it takes the place of the one that is held."""

from jobs.areas import Area
from jobs.context import Context
from jobs.errors import JobError, PermanentError
from jobs.ingestion import store
from jobs.ingestion.police import Police
from jobs.ingestion.staging import Pull, Totals
from jobs.ingestion.store import Held
from jobs.months import month_text

# A revision moves, adds and removes a few of a month's crimes.
LOST = 0.2
# So many of a category, or of a force's crimes without a place, do not come to be none by a revision.
ALWAYS = 10


class SmallerMonth(PermanentError):
    """A month that is held came in again with much less. What is held stays."""


def check_forces(police: Police, area: Area) -> None:
    """The source answers for an unknown force as if it had no crimes."""
    if area.forces and (unknown := set(area.forces) - police.forces):
        raise PermanentError(
            f"The source knows no force {', '.join(sorted(unknown))}: remove area {area.slug} and add it "
            "with the right forces"
        )


def refuse_lost_records(pull: Pull, totals: Totals) -> None:
    """Every record that was read is a crime, outside of the area, or set aside."""
    accounted = totals.crimes + totals.outside + totals.set_aside
    if totals.read != accounted:
        raise JobError(
            f"{totals.read} records of {month_text(pull.month)} were read for {pull.area.slug} and {accounted} are "
            "accounted for: nothing was changed. This is a fault of Safegrid"
        )


def refuse_empty(pull: Pull, totals: Totals) -> None:
    """A published month without a single crime is the source's fault, not peace."""
    if not totals.placed:
        raise JobError(
            f"The source has no crimes for {pull.area.slug} in {month_text(pull.month)}, though it offers the "
            "month: nothing was changed. Try again later, or check that the area lies in England, Wales or "
            "Northern Ireland"
        )


def refuse_smaller(here: Context, pull: Pull, totals: Totals) -> None:
    """A force re-supplies a month now and then, and not always whole: what is held is not given up for that."""
    area, month = pull.area.slug, month_text(pull.month)
    with here.connection.begin():
        held = store.held(here.connection, area, pull.month)
    if held and (losses := _losses(held, totals)):
        raise SmallerMonth(
            f"{month} of {area} has much less now than is held: {'; '.join(losses)}. What is held stays. If the source "
            f"is right, ingest {month} again with accept_smaller"
        )


def _losses(held: Held, totals: Totals) -> list[str]:
    """What is held and has gone, in words with both counts."""
    lost = held.total - totals.crimes
    words = [f"{totals.crimes} crimes of {held.total}"] if lost > max(LOST * held.total, 1) else []
    words += [
        f"no {name} of {count}"
        for name, count in held.categories.items()
        if count >= ALWAYS and not totals.categories.get(name)
    ]
    words += [
        f"none without a place of {force}, of {count}"
        for force, count in held.unplaced.items()
        if count >= ALWAYS and not totals.unplaced.get(force)
    ]
    return words
