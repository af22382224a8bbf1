"""Each row of a file is a crime, said twice, or set aside with its line and reason; a file that is wrong is refused."""

import datetime as dt
import io
import json

import pytest

from jobs.archive.errors import MemberRefused
from jobs.archive.opening import Member
from jobs.archive.places import NO_PLACE
from jobs.archive.rows import HEADER, Sheet, read, slug_of
from tests.archives import FORCES, ID, content, name_of, row

CATEGORIES = frozenset({"anti-social-behaviour", "burglary", "violent-crime"})
FINE = [row(crime_id=ID(number), kind="Burglary") for number in range(40)]


def sheet_of(rows: list[str], force: str = "hampshire") -> Sheet:
    return read_text(content(rows).encode(), force)


def read_text(body: bytes, force: str = "hampshire") -> Sheet:
    return read(Member(name_of(force), dt.date(2024, 1, 1), force, len(body)), io.BytesIO(body), CATEGORIES)


def test_a_row_is_a_crime_with_its_place_id_and_outcome() -> None:
    sheet = sheet_of([row(50.9, -1.41, crime_id=ID(7), kind="Violence and sexual offences", outcome="Offender fined")])
    (number,) = sheet.place
    assert (sheet.places.lat[number], sheet.places.lng[number]) == (50.9, -1.41)
    expected = {"category": "violent-crime", "persistent_id": ID(7), "outcome": "Offender fined"}
    assert (sheet.columns.to_pylist(), sheet.read, sheet.aside) == ([expected], 1, [])


def test_crimes_without_a_place_or_an_id_are_crimes() -> None:
    sheet = sheet_of([row(""), row(""), row()])
    assert sheet.place.tolist().count(NO_PLACE) == 2
    assert [one["persistent_id"] for one in sheet.columns.to_pylist()] == [None] * 3


def test_rows_equal_in_all_but_the_outcome_are_one_crime() -> None:
    twice = [row(crime_id=ID(1), outcome=outcome) for outcome in ("", "Offender fined")]
    elsewhere = [row(50.92, crime_id=ID(1)), row(crime_id=ID(1), kind="Burglary"), row("", crime_id=ID(1))]
    sheet = sheet_of([*twice, *elsewhere, row(), row()])
    assert (len(sheet.columns), len(sheet.collapsed), sheet.read) == (6, 1, 7)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("a,b,c", "3 fields instead of 12"),
        (row() + ",more", "13 fields instead of 12"),
        ("", "Month '' is not that of the file"),
        (row(month="2024-02"), "Month '2024-02' is not that of the file"),
        (row(force="Dorset Police"), "Reported by 'Dorset Police' in the file of hampshire"),
        (row(-1.4, 50.91), "are swapped"),
        (row("north", "west"), "Longitude 'west' and latitude 'north' are not degrees"),
        (row("nan", "inf"), "are not degrees"),
        (row(50.91, ""), "are not degrees"),
        (row(95.0, 200.0), "are not on the Earth"),
        (row(street="a\0b"), "have a street name that cannot be kept"),
        (row(street="x" * 2_000), "have a street name that cannot be kept"),
        (row(crime_id="a\0b"), "Crime ID cannot be kept"),
        (row(outcome="a\0b"), "cannot be kept"),
        (row(kind="Witchcraft"), "unknown category witchcraft"),
        (row(kind=""), "unknown category "),
    ],
)
def test_a_bad_row_is_set_aside_with_its_line_and_reason(bad: str, reason: str) -> None:
    sheet = sheet_of([*FINE[:20], bad, *FINE[20:]])
    (aside,) = sheet.aside
    assert reason in aside.reason
    assert (json.loads(aside.record)["file"], json.loads(aside.record)["line"]) == (name_of(), 22)
    assert (len(sheet.columns), sheet.read) == (40, 41)


def test_lines_are_those_of_the_file_whatever_is_before_them() -> None:
    sheet = sheet_of([*FINE, *FINE, "a,b", row(kind="Witchcraft"), "c", row(kind="Sorcery")])
    assert sorted(json.loads(aside.record)["line"] for aside in sheet.aside) == [82, 83, 84, 85]


def test_a_row_of_an_unknown_category_is_kept_as_the_crime_that_it_may_come_to_be() -> None:
    sheet = sheet_of([*FINE, row(50.93, -1.42, crime_id=ID(99), kind="Witchcraft", outcome="Offender fined")])
    (aside,) = sheet.aside
    assert (aside.category, aside.lat, aside.lng, aside.force) == ("witchcraft", 50.93, -1.42, None)
    crime = json.loads(aside.record)["crime"]
    assert (crime["persistent_id"], crime["street_name"], crime["outcome"]) == (
        ID(99),
        "On or near High Street",
        "Offender fined",
    )


def test_more_bad_rows_than_a_twentieth_refuse_the_file() -> None:
    sheet_of([*FINE, "a", "b"])
    with pytest.raises(MemberRefused, match=r"hampshire-street\.csv: 3 of 43 rows are invalid, more than 5%"):
        sheet_of([*FINE, "a", "b", "c"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        content(FINE).replace("Longitude,Latitude", "Latitude,Longitude").encode(),
        content(FINE).encode("utf-16"),
        b"PK\x03\x04" + bytes(100),
    ],
)
def test_a_file_with_another_header_is_refused(body: bytes) -> None:
    with pytest.raises(MemberRefused, match=r"begins with .* instead of Crime ID,Month"):
        read_text(body)


def test_a_file_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(MemberRefused, match=r"cannot be read: .*UTF8"):
        read_text(content([*FINE, row(street="Caf\xe9")]).encode("latin-1"))


def test_a_byte_order_mark_and_lines_of_windows_are_read() -> None:
    sheet = read_text(b"\xef\xbb\xbf" + content(FINE).replace("\n", "\r\n").encode())
    assert (len(sheet.columns), sheet.aside) == (40, [])


def test_quoted_commas_are_part_of_their_field() -> None:
    sheet = sheet_of([row(street='"On or near Bridge Street, North"')])
    assert sheet.places.texts["street"].to_pylist() == ["On or near Bridge Street, North"]


def test_a_file_without_rows_has_none() -> None:
    assert (sheet_of([]).read, read_text(HEADER.encode()).read) == (0, 0)


@pytest.mark.parametrize(
    ("force", "name"),
    [
        ("btp", "British Transport Police"),
        ("devon-and-cornwall", "Devon & Cornwall Police"),
        ("northern-ireland", "Police Service of Northern Ireland"),
        ("dyfed-powys", "Dyfed-Powys Police"),
        ("metropolitan", "Metropolitan Police Service"),
    ],
)
def test_forces_are_known_by_their_names(force: str, name: str) -> None:
    assert sheet_of([row(force=name)], force).aside == []
    assert len(sheet_of([row(force=FORCES["dorset"])], force).aside) == 1


@pytest.mark.parametrize(
    ("kind", "slug"),
    [
        ("Violence and sexual offences", "violent-crime"),
        ("Violent crime", "violent-crime"),
        ("Criminal damage and arson", "criminal-damage-arson"),
        ("Theft from the person", "theft-from-the-person"),
        ("Anti-social behaviour", "anti-social-behaviour"),
    ],
)
def test_categories_have_the_slugs_of_the_api(kind: str, slug: str) -> None:
    assert slug_of(kind) == slug
