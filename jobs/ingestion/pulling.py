"""A month of an area is asked for, answer by answer, until all of it is staged."""

import concurrent.futures
import datetime as dt
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import structlog

from jobs.areas import Area
from jobs.context import Context
from jobs.errors import JobError
from jobs.http import SourceUnavailable
from jobs.ingestion import staging, store
from jobs.ingestion.police import Police, Tile, TooManyCrimes
from jobs.ingestion.records import Answer, Crime, Reader
from jobs.ingestion.staging import Pull
from jobs.months import month_text

log = structlog.get_logger("safegrid.ingestion")

# Releases come about once a month; two in one pull are an accident, three are none.
MOST_PULLS = 3
# The source allows 15 requests a second and takes up to a few seconds for each.
IN_FLIGHT = 8
# How soon a run that is to stop leaves while it waits for answers.
GLANCE_S = 0.5

Raw = list[dict[str, Any]]
Read = tuple[Answer, list[Crime]]


def pull_month(here: Context, police: Police, area: Area, month: dt.date) -> Pull:
    """Stage what the source has of the month, all of it of one release: a newer one may change places and ids."""
    before = police.asked
    release = police.last_updated()
    for _ in range(MOST_PULLS):
        pull = staging.begin(here.connection, area, month, police.source, release)
        staging.note_requests(here.connection, pull, police.asked - before)
        _Pulling(here, police, pull).all_answers()
        before = police.asked
        newest = police.last_updated()
        if newest == release:
            staging.note_requests(here.connection, pull, police.asked - before)
            return pull
        log.warning("release_during_a_pull", area=area.slug, month=month_text(month), release=newest.isoformat())
        release = newest
    raise SourceUnavailable(
        f"{police.base_url} published again {MOST_PULLS} times during the ingestion of {month_text(month)} "
        f"of {area.slug}: "
        "nothing was changed. Try again later"
    )


@dataclass(frozen=True)
class _Question:
    """A tile, or the crimes without a place of a force."""

    tile: Tile | None = None
    force: str = ""

    @property
    def name(self) -> str:
        return f"tile {','.join(map(repr, self.tile.box))}" if self.tile else f"force {self.force}"


@dataclass
class _Pulling:
    here: Context
    police: Police
    pull: Pull
    errors: list[JobError] = field(default_factory=list)
    _asked: int = field(init=False)

    def __post_init__(self) -> None:
        self._asked = self.police.asked
        with self.here.connection.begin():
            self._known = store.categories(self.here.connection)

    def all_answers(self) -> None:
        """Raises JobError where one cannot be had; those that could are staged all the same."""
        area = self.pull.land
        there = staging.answered(self.here.connection, self.pull)
        # From the end: tiles first, as most may be wrong with them.
        left = [*(_Question(force=force) for force in area.forces), _Question(Tile(area.bounds))]
        threads = ThreadPoolExecutor(IN_FLIGHT)
        waiting: dict[Future[Read], _Question] = {}
        try:
            while waiting or (left and not self.errors):
                while left and not self.errors and len(waiting) < IN_FLIGHT:
                    question = left.pop()
                    if question.name in there:
                        left += self._parts(question) if there[question.name] else []
                    else:
                        waiting[threads.submit(self._ask, question)] = question
                left += self._take(waiting)
                self.here.leave_if_stopping()
        finally:
            # What is on its way when the run stops is asked for again.
            threads.shutdown(wait=False, cancel_futures=True)
        if self.errors:
            raise self.errors[0]

    def _ask(self, question: _Question) -> Read:
        """What a question is answered with. In a thread of its own."""
        month, tile = self.pull.month, question.tile

        def read(raw: Raw) -> Read:
            answer = Answer(len(raw), question.force or None)
            reader = Reader(month, self._known, answer)
            return answer, reader.placed(raw, self.pull.land, tile) if tile else reader.unplaced(raw)

        if tile:
            return self.police.street_crimes(tile, month, read)
        return self.police.unplaced_crimes(question.force, month, read)

    def _take(self, waiting: dict[Future[Read], _Question]) -> list[_Question]:
        """Stage the answers that came. Returns what is to be asked for instead of those that were too large."""
        done, _ = concurrent.futures.wait(waiting, GLANCE_S, concurrent.futures.FIRST_COMPLETED)
        parts: list[_Question] = []
        for future in done:
            question = waiting.pop(future)
            try:
                self._keep(question, future.result())
            except TooManyCrimes:
                staging.split(self.here.connection, self.pull, question.name, self._requests())
                parts += self._parts(question)
            except JobError as error:
                self.errors.append(error)
        return parts

    def _keep(self, question: _Question, read: Read) -> None:
        wanted = self.here.settings.h3_resolution
        staging.keep(self.here.connection, self.pull, question.name, self._requests(), *read, wanted)

    def _parts(self, question: _Question) -> list[_Question]:
        """The quadrants of a tile that the area has a part in."""
        assert question.tile  # noqa: S101 - a force's crimes are never split
        return [_Question(one) for one in question.tile.quadrants() if self.pull.land.touches(one.box)]

    def _requests(self) -> int:
        """Made since this was last asked."""
        made = self.police.asked - self._asked
        self._asked = self.police.asked
        return made
