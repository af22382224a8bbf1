"""Files of the archive are staged, as answers of the API are: what comes after that is one and the same."""

import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine

from jobs import database
from jobs.archive.places import NO_PLACE, Places
from jobs.archive.rows import Sheet, location_type
from jobs.database import copy_file
from jobs.held import points
from jobs.held.points import Ids
from jobs.ingestion import staging
from jobs.ingestion.records import Answer
from jobs.ingestion.staging import Pull
from jobs.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

Mask = npt.NDArray[np.bool_]
STAGERS: Final = 2


@dataclass
class Points:
    """Ids of the places that each force's files named: they name the same ones month after month."""

    known: dict[str, tuple["pa.Array", Ids]] = field(default_factory=dict)

    def of(self, connection: Connection, force: str, places: Places, inside: Mask, wanted: int) -> Ids:
        """Of each place its id, where it is inside. The caller's transaction is committed before they are used."""
        import pyarrow as pa
        import pyarrow.compute as pc

        keys = places.keys()
        known, ids = self.known.get(force) or (pa.array([], pa.string()), np.zeros(0, dtype=np.int64))
        found = pc.index_in(keys, value_set=known).fill_null(-1).to_numpy()
        of_place: Ids = np.append(ids, 0)[found]
        fresh = np.flatnonzero(inside & (of_place == 0))
        if len(fresh):
            of_place[fresh] = staging.point_ids(connection, _named(places, fresh), wanted)
            self.known[force] = pa.concat_arrays([known, keys.take(pa.array(fresh))]), np.append(ids, of_place[fresh])
        return of_place

    def forget(self, force: str) -> None:
        """Look its places up anew: what was read in a transaction that failed may not be there."""
        self.known.pop(force, None)


def _named(places: Places, rows: Ids) -> points.Places:
    streets = places.texts["street"].take(rows).to_pylist()
    return points.Places(places.lat[rows], places.lng[rows], streets, [None] * len(rows))


@dataclass
class Stagers:
    """Stages files, a few at a time, each over a connection of its own: PostgreSQL works while the next is prepared.

    These connections do not hold the run's claim. A run that lost it can do no harm by them: a pull has each file once,
    by the key of `staged_answers`.
    """

    settings: Settings
    _engine: Engine = field(init=False)
    _known: Points = field(default_factory=Points)
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(STAGERS))
    _idle: SimpleQueue[Connection] = field(default_factory=SimpleQueue)
    _working: deque[Future[None]] = field(default_factory=deque)

    def __enter__(self) -> Self:
        self._engine = database.create(self.settings, application="safegrid archive")
        for _ in range(STAGERS):
            self._idle.put(self._engine.connect())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().close()
        self._engine.dispose()

    def keep(self, pull: Pull, sheet: Sheet) -> None:
        """Begin to stage what a file has of the pull. Raises what kept an earlier one from being staged."""
        if len(self._working) >= STAGERS:
            self._working.popleft().result()
        self._working.append(self._threads.submit(self._keep, pull, sheet))

    def finish(self) -> None:
        """Wait until all of them are staged. Raises what kept one from it."""
        done = [self._working.popleft() for _ in range(len(self._working))]
        wait(done)
        for one in done:
            one.result()

    def _keep(self, pull: Pull, sheet: Sheet) -> None:
        connection = self._idle.get()
        try:
            keep(connection, pull, sheet, self._known, self.settings.h3_resolution)
        finally:
            self._idle.put(connection)


def keep(connection: Connection, pull: Pull, sheet: Sheet, known: Points, wanted: int) -> None:
    """Stage what a file has of the pull's land and forces."""
    inside = pull.land.contains(sheet.places.lat, sheet.places.lng)
    is_ours = sheet.member.force in pull.land.forces
    try:
        with connection.begin():
            ids = known.of(connection, sheet.member.force, sheet.places, inside, wanted)
            _copy(connection, pull.table, _placed(pull, sheet, inside, ids))
            if is_ours:
                _copy(connection, "staged_unplaced", _unplaced(pull, sheet))
            staging.note(connection, pull, sheet.member.name, 0, _answer(pull, sheet, inside, is_ours=is_ours))
    except BaseException:
        known.forget(sheet.member.force)
        raise


def _placed(pull: Pull, sheet: Sheet, inside: Mask, ids: Ids) -> "pa.Table":
    import pyarrow as pa

    rows = np.flatnonzero(_of_places(sheet.place, inside, unplaced=False))
    columns = sheet.columns.take(pa.array(rows))
    return _beside(
        columns,
        month=pa.repeat(pull.month.isoformat(), len(rows)),
        point_id=pa.array(ids[sheet.place[rows]]),
        location_type=pa.repeat(location_type(sheet.member.force), len(rows)),
    )


def _unplaced(pull: Pull, sheet: Sheet) -> "pa.Table":
    import pyarrow as pa

    columns = sheet.columns.filter(pa.array(sheet.place == NO_PLACE))
    return _beside(columns, pull=pa.repeat(pull.id, len(columns)), force=pa.repeat(sheet.member.force, len(columns)))


def _beside(columns: "pa.Table", **more: "pa.Array") -> "pa.Table":
    for name, values in more.items():
        columns = columns.append_column(name, values)
    return columns


def _copy(connection: Connection, table: str, rows: "pa.Table") -> None:
    """COPY columns into those of the same name. A text that is none is an empty field, an empty one is quoted."""
    from pyarrow import csv

    if not len(rows):
        return
    buffer = io.BytesIO()
    csv.write_csv(rows, buffer, csv.WriteOptions(include_header=False, quoting_style="needed"))
    buffer.seek(0)
    copy_file(connection, f"COPY {table} ({', '.join(rows.column_names)}) FROM STDIN (FORMAT csv)", buffer)


def _of_places(place: npt.NDArray[np.int64], inside: Mask, *, unplaced: bool) -> Mask:
    """Which rows are of places inside. unplaced: whether those without a place are."""
    if not len(inside):
        return np.full(len(place), unplaced)
    return np.where(place == NO_PLACE, unplaced, inside[place])


def _answer(pull: Pull, sheet: Sheet, inside: Mask, *, is_ours: bool) -> Answer:
    """What the file was to this pull: each row that was read is in one of the counts, or is a crime of its."""
    rows, collapsed = (_of_places(place, inside, unplaced=is_ours) for place in (sheet.place, sheet.collapsed))
    outside = int((~rows).sum() + (~collapsed).sum())
    answer = Answer(sheet.read, outside=outside, collapsed=int(collapsed.sum()))
    for aside in sheet.aside:
        if _concerns(pull, aside.lat, aside.lng, is_ours=is_ours):
            answer.keep_aside(aside)
        else:
            answer.outside += 1
    return answer


def _concerns(pull: Pull, lat: float | None, lng: float | None, *, is_ours: bool) -> bool:
    """Whether a row that was set aside may be a crime of the pull's."""
    if lat is None or lng is None:
        return is_ours
    return bool(pull.land.contains(np.array([lat]), np.array([lng]))[0])
