"""The job that brings in an archive."""

import datetime as dt
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import structlog
from pydantic import Field
from sqlalchemy import Connection

from jobs import areas, context, results
from jobs.archive import finding, guards, opening, room
from jobs.archive import staging as files
from jobs.archive.ahead import Ahead
from jobs.archive.opening import Archive, Member
from jobs.areas import Area
from jobs.boundaries.country import COUNTRY, country
from jobs.catalogue import job
from jobs.context import Context
from jobs.errors import JobError
from jobs.held import grounds, land
from jobs.ingestion import staging, store
from jobs.ingestion.backfill import Span
from jobs.ingestion.month import Source, bring_in, results_so_far
from jobs.ingestion.records import Answer
from jobs.ingestion.run import failure_of, follow_ups, wanted_areas, without_covered
from jobs.ingestion.staging import NewerHeld, Pull, Totals
from jobs.months import month_text
from jobs.parameters import Month, OneOf
from jobs.retention import kept

log = structlog.get_logger("safegrid.archive")

_ABSENT = "files that are not there"


def _areas(connection: Connection) -> list[str]:
    return sorted({*areas.slugs(connection), COUNTRY})


@job(
    queue="ingestion",
    slug="ingest-archive",
    follow_ups=follow_ups,
    soft_limit_s=5 * 60 * 60,
    hard_limit_s=5 * 60 * 60 + 300,
    result=results.ArchiveIngested,
)
def ingest_archive(
    archive: finding.Source,
    area: Annotated[
        str | None,
        OneOf(_areas, left_out="all"),
        Field(description="Ingest only this area. Default: all areas. `country` means the whole archive"),
    ] = None,
    oldest: Annotated[Month | None, Field(description="Oldest month. Default: the oldest in the archive")] = None,
    newest: Annotated[Month | None, Field(description="Newest month. Default: the newest in the archive")] = None,
    accept_smaller: Annotated[
        bool, Field(description="Replace a month even if it has far fewer crimes than before")
    ] = False,
    again: Annotated[bool, Field(description="Also ingest months that came from this archive before")] = False,
    dry_run: Annotated[
        bool, Field(description="Only show which months, how many files, and the disk space needed")
    ] = False,
) -> dict[str, Any]:
    """Ingest the months of a police archive: a zip file or a folder of CSVs in the import folder, or an address."""
    here = context.current()
    path = finding.find(here, archive)
    span = Span.of(oldest, newest)
    with opening.opened(path) as found:
        offered = span.among([one.month for one in found.members])
        with here.connection.begin():
            months = set(kept.among(here.connection, here.settings.crime_retention_months, offered))
        members = [one for one in found.members if one.month in months]
        plan = _plan(here, found, members)
        if dry_run:
            return {"task": "ingest_archive", "dry_run": True, **plan}
        room.refuse_without(here.connection, members)
        bringing = _Bringing(here, found, accept_smaller=accept_smaller, again=again)
        results = bringing.all(_wanted_areas(here, area), members)
    return {
        "task": "ingest_archive",
        "dry_run": False,
        **plan,
        "total_records": sum(result["records_ingested"] for result in results),
        "superseded": bringing.superseded,
        "results": results,
    }


def _plan(here: Context, archive: Archive, members: Sequence[Member]) -> dict[str, Any]:
    there = room.free(here.connection)
    return {
        "archive": archive.name,
        "release": archive.release.isoformat(),
        "months": sorted({month_text(one.month) for one in members}, reverse=True),
        "files": len(members),
        "bytes_needed": room.needed(members),
        "bytes_free": there,
    }


def _wanted_areas(here: Context, slug: str | None) -> list[Area]:
    """The area of that name, or all of them; the country is made where it is asked for."""
    if slug == COUNTRY:
        with here.connection.begin():
            if COUNTRY not in areas.slugs(here.connection):
                land.add(here.connection, country())
    return wanted_areas(here, slug)


@dataclass
class _Bringing:
    """Months come in one after the other, the newest first; one that fails leaves the others."""

    here: Context
    archive: Archive
    accept_smaller: bool
    again: bool
    superseded: list[dict[str, str]] = field(default_factory=list)
    """Months that are held of a newer release."""
    errors: list[JobError] = field(default_factory=list)
    ahead: Ahead = field(init=False)
    stagers: files.Stagers = field(init=False)
    _done: int = 0
    _total: int = 0

    def all(self, wanted: Sequence[Area], members: Sequence[Member]) -> list[dict[str, Any]]:
        """The results of all attempts of this run. Raises JobError where a month failed."""
        results = results_so_far(self.here)
        months = {month: list(of) for month, of in itertools.groupby(members, key=lambda one: one.month)}
        parts = without_covered([(one, month) for month in months for one in wanted])
        came = {(result["area"], result["month"]) for result in results}
        left = [part for part in parts if (part[0].slug, part[1].isoformat()) not in came and not self._is_held(*part)]
        self._total = sum(len(months[month]) for _, month in left)
        order = deque(member for _, month in left for member in months[month])
        with files.Stagers(self.here.settings) as self.stagers, Ahead(self.archive, order) as self.ahead:
            for number, (area, month) in enumerate(left):
                if number:
                    self.here.give_way()
                results += self._month(area, month, months[month])
        if self.errors:
            raise failure_of(self.errors, len(left), len(self.errors))
        return results

    def _is_held(self, area: Area, month: dt.date) -> bool:
        """Whether an earlier run brought in this very month."""
        if self.again or self.accept_smaller:
            return False
        with self.here.connection.begin():
            return grounds.is_all_of(self.here.connection, area, month, self.archive.source)

    def _month(self, area: Area, month: dt.date, members: Sequence[Member]) -> list[dict[str, Any]]:
        """The month's result; none where it did not come in."""

        def refuse(pull: Pull, totals: Totals) -> None:
            guards.refuse_empty(pull, totals)
            if not self.accept_smaller:
                guards.refuse_lost_forces(self.here, pull, self._forces(pull, members))

        source = Source(self.archive.source, lambda: self._pull(area, month, members), refuse)
        before = self._done
        try:
            return [bring_in(self.here, area, month, source, accept_smaller=self.accept_smaller)]
        except NewerHeld:
            self.superseded.append({"area": area.slug, "month": month.isoformat()})
        except JobError as error:
            log.error("month_failed", area=area.slug, month=month_text(month), error=str(error))
            self.errors.append(error)
        finally:
            self._done = before + len(members)
        return []

    def _pull(self, area: Area, month: dt.date, members: Sequence[Member]) -> Pull:
        """Stage the month's files, but for those that an earlier attempt staged."""
        here = self.here
        pull = staging.begin(here.connection, area, month, self.archive.source, self.archive.release)
        there = staging.answered(here.connection, pull)
        guards.refuse_without_forces(pull, {member.force for member in members})
        with here.connection.begin():
            self.ahead.know(store.categories(here.connection))
        left = [member for member in members if member.name not in there]
        self._done += len(members) - len(left)
        try:
            for member in left:
                self.stagers.keep(pull, self.ahead.take(member))
                self._done += 1
                here.progress(self._done, self._total, f"{area.slug} {month_text(month)} {member.force}")
        finally:
            self.stagers.finish()
        if _ABSENT not in there:
            self._note_absent(pull, members)
        return pull

    def _forces(self, pull: Pull, members: Sequence[Member]) -> set[str]:
        """Those whose file was staged and has rows."""
        with self.here.connection.begin():
            read = staging.read(self.here.connection, pull)
        return {member.force for member in members if read.get(member.name)}

    def _note_absent(self, pull: Pull, members: Sequence[Member]) -> None:
        """Say which forces have no file, or an empty one: few crimes on their land are not safe."""
        answer = Answer()
        for force in guards.absent(pull, self._forces(pull, members)):
            answer.issues.add(f"the archive has no file of {force}", month_text(pull.month))
        with self.here.connection.begin():
            staging.note(self.here.connection, pull, _ABSENT, 0, answer)
