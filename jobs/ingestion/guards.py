"""What a month must be before it takes the place of the one that is held."""

from jobs.areas import Area
from jobs.context import Context
from jobs.errors import JobError, PermanentError
from jobs.http import SourceChanged
from jobs.ingestion import store
from jobs.ingestion.police import Police
from jobs.ingestion.staging import Pull, Totals
from jobs.ingestion.store import Held
from jobs.months import month_text

# A revision moves, adds and removes a few of a month's crimes.
LOST = 0.2
# So many of a category, or of a force's crimes without a place, do not come to be none by a revision.
ALWAYS = 10
# Of a month's records.
MOST_SET_ASIDE = 0.05


class SmallerMonth(PermanentError):
    """A month that is held came in again with much less. What is held stays."""


def check_forces(police: Police, area: Area) -> None:
    """The source answers for an unknown force as if it had no crimes."""
    if area.forces and (unknown := set(area.forces) - police.forces):
        raise PermanentError(
            f"The source does not know the force {', '.join(sorted(unknown))}: remove the area {area.slug} and add "
            "it with the correct forces"
        )


def refuse_lost_records(pull: Pull, totals: Totals) -> None:
    """Every record that was read is a crime, outside of the area, said twice, or set aside."""
    accounted = totals.crimes + totals.outside + totals.set_aside + totals.collapsed
    if totals.read != accounted:
        raise JobError(
            f"{totals.read} records of {month_text(pull.month)} were read for {pull.area.slug} but {accounted} are "
            "accounted for: nothing was changed. This is a bug of Safegrid"
        )


def refuse_empty(police: Police, pull: Pull, totals: Totals) -> None:
    """No crime at all is an answer of a quiet area, where the source has crimes of the month elsewhere."""
    if totals.placed:
        return
    name, month = pull.area.slug, month_text(pull.month)
    place = pull.area.polygon.representative_point()
    if police.force_at(place.y, place.x) is None:
        raise PermanentError(
            f"The source has no crimes for {name} in {month}, and no police force at {place.y:.4f}, {place.x:.4f}: "
            "nothing was changed. The source covers England, Wales and Northern Ireland: resize or remove the area"
        )
    if not (totals.outside or any(totals.unplaced.values()) or police.has_crimes(pull.month)):
        raise JobError(
            f"The source has no crimes for {name} in {month}, nor for places that always have some, although it lists "
            "the month: nothing was changed. Try again later"
        )


def refuse_widened(pull: Pull, totals: Totals) -> None:
    """A few records may be odd. Of many, the month would say less than it seems to."""
    counted = totals.crimes + totals.set_aside
    if totals.set_aside <= max(1, MOST_SET_ASIDE * counted):
        return
    named = " and ".join(
        f"{count} of the unknown category {name}: add it with `safegrid category add {name}`"
        for name, count in totals.unknown.items()
    )
    first = named or totals.issues[0]["issue"]
    raise SourceChanged(
        f"{totals.set_aside} of {counted} records of {month_text(pull.month)} of {pull.area.slug} were set aside, more "
        f"than {MOST_SET_ASIDE:.0%}: nothing was changed. {first}"
    )


def refuse_smaller(here: Context, pull: Pull, totals: Totals) -> None:
    """A force re-supplies a month now and then, and not always whole: what is held is not given up for that."""
    area, month = pull.area.slug, month_text(pull.month)
    if pull.land is not pull.area:
        # What is held of the rest of the area is of a newer release, and is not given up.
        return
    with here.connection.begin():
        held = store.held(here.connection, area, pull.month)
    if held and (losses := _losses(held, totals)):
        raise SmallerMonth(
            f"{month} of {area} has far fewer crimes than before: {'; '.join(losses)}. Nothing was "
            "changed. If the source "
            f"is right, ingest {month} again with accept_smaller"
        )


def _losses(held: Held, totals: Totals) -> list[str]:
    """What is held and has gone, in words with both counts."""
    lost = held.total - totals.crimes
    words = [f"{totals.crimes} crimes (before: {held.total})"] if lost > max(LOST * held.total, 1) else []
    words += [
        f"no {name} (before: {count})"
        for name, count in held.categories.items()
        if count >= ALWAYS and not totals.categories.get(name)
    ]
    words += [
        f"no unplaced crimes of {force} (before: {count})"
        for force, count in held.unplaced.items()
        if count >= ALWAYS and not totals.unplaced.get(force)
    ]
    return words
