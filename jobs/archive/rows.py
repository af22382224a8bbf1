"""A file of the archive is read, column by column: each row is a crime, said twice, or set aside with its reason.

What a file says again and again, such as months, categories and places, is looked at once.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from jobs.archive.errors import MemberRefused
from jobs.archive.opening import Member
from jobs.archive.places import NO_PLACE, Places
from jobs.coverage.judge import LANDLESS
from jobs.ingestion.records import Aside, Crime
from jobs.months import month_text

if TYPE_CHECKING:
    # Imported where it is used: it is large, and few workers ever read an archive.
    import pyarrow as pa

HEADER: Final = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Crime type,"
    "Last outcome category,Context"
)
COLUMNS: Final = HEADER.split(",")
_ID: Final = COLUMNS[0]
# Of a file's rows.
MOST_SET_ASIDE: Final = 0.05
LONGEST_TEXT: Final = 1_000
# All of a file at once: the largest have some 25 MB.
_BLOCK: Final = 2**26

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# The two whose names do not follow from their slugs.
_NAMED: Final = {LANDLESS: "british transport police", "violence and sexual offences": "violent-crime"}

Rows = npt.NDArray[np.bool_]


@dataclass
class Sheet:
    """A file that was read. Its crimes are columns of equal length."""

    member: Member
    read: int
    places: Places
    place: npt.NDArray[np.int64]
    """Number of each crime's place, or NO_PLACE."""
    columns: "pa.Table"
    """category, persistent_id and outcome of each crime."""
    collapsed: npt.NDArray[np.int64]
    """The place of each row that was said already, but perhaps for its outcome."""
    aside: list[Aside]


def read(member: Member, file: IO[bytes], categories: frozenset[str]) -> Sheet:
    """All of a file. categories: the known ones. Raises MemberRefused where it is not what its name says."""
    table, ragged = _table(member, file)
    read_rows = len(table) + len(ragged)
    lines = np.delete(np.arange(1, read_rows + 1), [line - 1 for line in ragged])
    sheet = _Reading(member, table, lines, categories).sheet()
    sheet.aside += ragged.values()
    sheet.read = read_rows
    if len(sheet.aside) > max(1, MOST_SET_ASIDE * sheet.read):
        raise MemberRefused(
            f"{member.name}: {len(sheet.aside)} of {sheet.read} rows are invalid, more than {MOST_SET_ASIDE:.0%}: "
            f"the month stays as it is. The first: {sheet.aside[0].reason}"
        )
    return sheet


def _table(member: Member, file: IO[bytes]) -> tuple["pa.Table", dict[int, Aside]]:
    """The rows as columns of text, and by their number those that have too few fields, or too many."""
    import pyarrow as pa
    from pyarrow import csv

    header = file.readline(LONGEST_TEXT).decode("utf-8-sig", "replace").rstrip("\r\n")
    if header.replace('"', "") != HEADER:
        raise MemberRefused(f"{member.name} begins with {header[:200]!r} instead of {HEADER}: the month stays as it is")
    ragged: dict[int, Aside] = {}

    def set_aside(row: Any) -> str:
        reason = f"{row.actual_columns} fields instead of {len(COLUMNS)}"
        ragged[row.number] = Aside(member.force, reason, json.dumps(_record(member, row.number, row.text)))
        return "skip"

    # But for the ids they are few, said again and again.
    texts = {name: pa.string() if name == _ID else pa.dictionary(pa.int32(), pa.string()) for name in COLUMNS}
    try:
        table = csv.read_csv(
            file,
            csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=COLUMNS),
            csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=set_aside),
            csv.ConvertOptions(column_types=texts, strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):
            return pa.table({name: pa.array([], kind) for name, kind in texts.items()}), ragged
        raise MemberRefused(f"{member.name} cannot be read: {error}. The month stays as it is") from None
    return table.combine_chunks(), ragged


def _record(member: Member, line: int, row: Any) -> dict[str, Any]:
    """What is kept of a row that is set aside. line: its number after the header."""
    return {"file": member.name, "line": line + 1, "row": row[:LONGEST_TEXT]}


@dataclass
class _Odd:
    """Rows that are no crimes of ours, each with the first reason that was found."""

    reasons: dict[int, str] = field(default_factory=dict)

    def note(self, rows: Rows, reason: Callable[[int], str]) -> None:
        """These rows are odd."""
        for row in np.flatnonzero(rows).tolist():
            self.reasons.setdefault(row, reason(row))


@dataclass
class _Reading:
    member: Member
    table: "pa.Table"
    lines: npt.NDArray[np.int64]
    """Of each row: its number in the file, after the header."""
    categories: frozenset[str]
    odd: _Odd = field(default_factory=_Odd)

    def sheet(self) -> Sheet:
        """The file's crimes, and what are none."""
        import pyarrow as pa

        places = Places.of(*(self._column(name) for name in ("Longitude", "Latitude", "Location")))
        self._check("Month", lambda text: text == month_text(self.member.month), "is not that of the file")
        self._check("Reported by", self._is_ours, f"in the file of {self.member.force}")
        self._check("Last outcome category", _is_kept, "cannot be kept")
        self._check_ids()
        for rows, reason in places.problems(LONGEST_TEXT):
            self.odd.note(rows, reason)
        slugs, codes = self._categories()
        fine = np.ones(len(self.table), dtype=bool)
        fine[list(self.odd.reasons)] = False
        again = self._told_again(places.number, codes, fine)
        kept = np.flatnonzero(fine & ~again)
        outcomes = self._column("Last outcome category")
        columns = pa.table(
            {
                "category": pa.array(slugs, pa.string()).take(pa.array(codes[kept])),
                "persistent_id": _none_for_empty(self._column(_ID)).take(pa.array(kept)),
                "outcome": _none_for_empty(outcomes.dictionary).take(outcomes.indices.take(pa.array(kept))),
            }
        )
        aside = [self._set_aside(row, reason, places) for row, reason in sorted(self.odd.reasons.items())]
        return Sheet(self.member, len(self.table), places, places.number[kept], columns, places.number[again], aside)

    def _column(self, column: str) -> Any:
        """A pyarrow array: dictionary-encoded, but for the ids."""
        chunked = self.table.column(column)
        return chunked.chunk(0) if chunked.num_chunks else chunked.combine_chunks()

    def _check(self, column: str, is_fine: Callable[[str], bool], words: str) -> None:
        """Look at each value of a column once."""
        encoded = self._column(column)
        values = encoded.dictionary.to_pylist()
        wrong = np.array([not is_fine(value) for value in values], dtype=bool)
        if wrong.any():
            codes = encoded.indices.to_numpy()
            self.odd.note(wrong[codes], lambda row: f"{column} {values[codes[row]][:100]!r} {words}")

    def _is_ours(self, name: str) -> bool:
        """Hampshire's file has rows of Hampshire Constabulary."""
        slug = self.member.force
        words = " ".join(re.findall(r"[a-z]+", name.lower().replace("&", "and")))
        return _NAMED.get(slug, slug.replace("-", " ")) in words

    def _check_ids(self) -> None:
        import pyarrow.compute as pc

        ids = self._column(_ID)
        strange = pc.or_(pc.greater(pc.binary_length(ids), LONGEST_TEXT), pc.match_substring(ids, "\0"))
        self.odd.note(strange.to_numpy(zero_copy_only=False), lambda _: "Crime ID cannot be kept")

    def _categories(self) -> tuple[list[str], npt.NDArray[np.int64]]:
        """Slugs, and of each row the number of its own. Unknown ones are odd."""
        encoded = self._column("Crime type")
        slugs = [slug_of(kind) for kind in encoded.dictionary.to_pylist()]
        codes = encoded.indices.to_numpy().astype(np.int64)
        unknown = np.array([slug not in self.categories for slug in slugs], dtype=bool)
        if unknown.any():
            self.odd.note(unknown[codes], lambda row: _unknown(slugs[codes[row]]))
        return slugs, codes

    def _told_again(self, place: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], fine: Rows) -> Rows:
        """Which rows repeat another in all but the outcome. Only ids that stand twice are looked at one by one.

        An id alone is no crime: some stand twice in a month at two places, and Northern Ireland uses its ids again.
        Without an id all are crimes of their own.
        """
        again = np.zeros(len(self.table), dtype=bool)
        ids = self._column(_ID).dictionary_encode()
        names = ids.dictionary.to_pylist()
        of_row = ids.indices.to_numpy()
        is_several = np.bincount(of_row, minlength=len(names)) > 1
        is_several &= np.array([name != "" for name in names], dtype=bool)
        seen: set[tuple[int, int, int]] = set()
        for row in np.flatnonzero(is_several[of_row] & fine).tolist():
            told = int(of_row[row]), int(place[row]), int(codes[row])
            again[row] = told in seen
            seen.add(told)
        return again

    def _set_aside(self, row: int, reason: str, places: Places) -> Aside:
        values = self.table.slice(row, 1).to_pylist()[0]
        record = _record(self.member, int(self.lines[row]), [str(one)[:LONGEST_TEXT] for one in values.values()])
        slug = slug_of(values["Crime type"])
        if not (reason == _unknown(slug) and _SLUG.fullmatch(slug)):
            return Aside(self.member.force, reason, json.dumps(record))
        crime = self._crime(row, slug, values, places)
        record["crime"] = crime._asdict()
        force = self.member.force if crime.lat is None else None
        return Aside(force, reason, json.dumps(record), slug, crime.lat, crime.lng)

    def _crime(self, row: int, category: str, values: dict[str, str], places: Places) -> Crime:
        """What a row is once its category is known."""
        number = int(places.number[row])
        lat, lng = (None, None) if number == NO_PLACE else (float(places.lat[number]), float(places.lng[number]))
        return Crime(
            category=category,
            lat=lat,
            lng=lng,
            street_id=None,
            street_name="" if lat is None else values["Location"],
            api_id=None,
            persistent_id=values["Crime ID"] or None,
            location_type=location_type(self.member.force),
            outcome=values["Last outcome category"] or None,
            outcome_month=None,
        )


def _unknown(slug: str) -> str:
    """Why a row is set aside that is a crime as soon as its category is known."""
    return f"unknown category {slug[:100]}"


def _is_kept(text: str) -> bool:
    return "\0" not in text and len(text) <= LONGEST_TEXT


def _none_for_empty(texts: "pa.StringArray") -> "pa.StringArray":
    import pyarrow.compute as pc

    return pc.if_else(pc.equal(texts, ""), None, texts)


def location_type(force: str) -> str:
    """As the API has it."""
    return "BTP" if force == LANDLESS else "Force"


def slug_of(kind: str) -> str:
    """The API's slug of a crime type as the archive names it."""
    name = kind.strip().lower()
    return _NAMED.get(name) or re.sub(r"[^a-z0-9]+", "-", name.replace(" and ", " ")).strip("-")
