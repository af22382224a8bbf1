"""What an archive must have of a month before it takes the place of the one that is held."""

from collections.abc import Collection

from sqlalchemy import select

from jobs.archive.errors import MemberRefused
from jobs.context import Context
from jobs.errors import JobError
from jobs.ingestion.guards import ALWAYS, SmallerMonth
from jobs.ingestion.staging import Pull, Totals
from jobs.models.coverage import AreaCoverage
from jobs.months import month_text


def absent(pull: Pull, there: Collection[str]) -> list[str]:
    """Forces of the pull of which the archive has no file of the month."""
    return sorted(set(pull.land.forces) - set(there))


def refuse_without_forces(pull: Pull, there: Collection[str]) -> None:
    """An area's month is not held on the word of an archive that has no file of its forces."""
    if pull.land.forces and len(absent(pull, there)) == len(pull.land.forces):
        raise MemberRefused(
            f"The archive has no file of {', '.join(pull.land.forces)} for {month_text(pull.month)}: the crimes of "
            f"{pull.area.slug} stay as they are"
        )


def refuse_empty(pull: Pull, totals: Totals) -> None:
    """No crime at all is what a quiet area has, where the files have crimes elsewhere."""
    if not (totals.placed or totals.outside or any(totals.unplaced.values())):
        raise JobError(
            f"The archive has no crimes of {month_text(pull.month)}: the crimes of {pull.area.slug} stay as they are"
        )


def refuse_lost_forces(here: Context, pull: Pull, there: Collection[str]) -> None:
    """A force whose crimes are held does not come to have none because the archive has no file of it."""
    key = AreaCoverage.area == pull.area.slug, AreaCoverage.month == pull.month
    held = select(AreaCoverage.force, AreaCoverage.placed).where(*key, AreaCoverage.placed >= ALWAYS)
    with here.connection.begin():
        lost = [
            f"{row.force} ({row.placed} crimes ingested)"
            for row in here.connection.execute(held.order_by(AreaCoverage.force))
            if row.force in absent(pull, there)
        ]
    if lost:
        raise SmallerMonth(
            f"The archive has no file of {', '.join(lost)} for {month_text(pull.month)}: the crimes of "
            f"{pull.area.slug} stay as they are. To replace them anyway, ingest the archive with accept_smaller"
        )
