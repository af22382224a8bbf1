"""Files of the archive are staged, as answers of the API are: what comes after that is one and the same."""

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from jobs.archive.places import NO_PLACE, Places
from jobs.archive.rows import Sheet, location_type
from jobs.context import Context
from jobs.database import copy_file
from jobs.held.points import Place
from jobs.ingestion import staging
from jobs.ingestion.records import Answer
from jobs.ingestion.staging import Pull

if TYPE_CHECKING:
    import pyarrow as pa

Mask = npt.NDArray[np.bool_]


@dataclass
class Points:
    """Ids of points that were looked up: a force's files name the same places month after month."""

    known: dict[str, int] = field(default_factory=dict)

    def fresh(self, here: Context, places: Places, keys: list[str], inside: Mask) -> dict[str, int]:
        """Ids of places inside that are not known yet: they may be once the caller's transaction is committed."""
        unknown = [number for number in np.flatnonzero(inside).tolist() if keys[number] not in self.known]
        if not unknown:
            return {}
        streets = places.texts["street"].take(unknown).to_pylist()
        lat, lng = places.lat[unknown].tolist(), places.lng[unknown].tolist()
        named = {keys[number]: Place(*place) for number, *place in zip(unknown, lat, lng, streets, strict=True)}
        wanted = dict.fromkeys(named.values(), None)
        ids = staging.point_ids(here.connection, wanted, here.settings.h3_resolution)
        return {key: ids[place] for key, place in named.items()}


def keep(here: Context, pull: Pull, sheet: Sheet, points: Points) -> None:
    """Stage what a file has of the pull's land and forces."""
    inside = pull.land.contains(sheet.places.lat, sheet.places.lng)
    is_ours = sheet.member.force in pull.land.forces
    keys = sheet.places.keys()
    with here.connection.begin():
        fresh = points.fresh(here, sheet.places, keys, inside)
        ids = np.array([fresh.get(key) or points.known.get(key, 0) for key in keys], dtype=np.int64)
        _copy(here.connection, pull.table, _placed(pull, sheet, inside, ids))
        if is_ours:
            _copy(here.connection, "staged_unplaced", _unplaced(pull, sheet))
        staging.note(here.connection, pull, sheet.member.name, 0, _answer(pull, sheet, inside, is_ours=is_ours))
    points.known |= fresh


def _placed(pull: Pull, sheet: Sheet, inside: Mask, ids: npt.NDArray[np.int64]) -> "pa.Table":
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
