"""An archive comes in month by month, all of each or nothing, and goes on where it was after a stop."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from jobs.archive import run as archive_run
from jobs.archive.errors import ArchiveRefused, MemberRefused
from jobs.archive.run import ingest_archive
from jobs.areas import from_box
from jobs.context import Context, Stopped
from jobs.errors import JobError, ParameterError
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.ingestion import categories
from jobs.ingestion.guards import SmallerMonth
from jobs.ingestion.run import ingest_month_on_demand
from tests.archives import FORCES, ID, name_of, row, write_zip
from tests.integration.crimes import MONTH, rows, scattered, served, value

KINDS = ("Anti-social behaviour", "Burglary", "Drugs", "Robbery")
CRIMES = "SELECT category, latitude, longitude, persistent_id FROM placed_crimes ORDER BY 1, 2, 3, 4"
BY_MONTH = "SELECT to_char(month, 'YYYY-MM'), count(*) FROM crime_incidents GROUP BY 1 ORDER BY 1"
# Of the south coast, with the first area inside.
COAST = (50.5, -2.5, 51.1, -1.0)


@pytest.fixture(autouse=True)
def _folder(here: Context, tmp_path: Path) -> None:
    here.settings = here.settings.model_copy(update={"import_folder": tmp_path})


def month_of(month: str = MONTH, count: int = 40, lat: float = 50.91) -> list[str]:
    """Rows of Hampshire, in a row of places."""
    return [
        row(
            lat,
            round(-1.45 + number / 10_000, 6),
            month=month,
            kind=KINDS[number % 4],
            crime_id=ID(number) * (number % 4 > 0),
        )
        for number in range(count)
    ]


def coast(here: Context) -> None:
    with here.connection.begin():
        land.add(here.connection, from_box("coast", "Coast", COAST, ("hampshire", "dorset", "btp")))


def dorset(month: str = MONTH, count: int = 20) -> list[str]:
    rows_of = (row(50.72, -1.9, month=month, force=FORCES["dorset"], kind=KINDS[n % 4]) for n in range(count))
    return list(rows_of)


def test_an_archive_brings_in_every_month_of_an_area(here: Context, tmp_path: Path) -> None:
    months = {name_of(month=month): [*month_of(month), row("", month=month)] for month in ("2023-12", "2024-01")}
    write_zip(tmp_path / "2024-02.zip", {**months, name_of("dorset"): dorset()})
    result = ingest_archive("2024-02.zip")
    assert rows(here.connection, BY_MONTH) == [("2023-12", 40), ("2024-01", 40)]
    assert value(here.connection, "SELECT count(*) FROM unplaced_crimes WHERE force = 'hampshire'") == 2
    assert (result["total_records"], result["months"], result["files"]) == (80, ["2024-01", "2023-12"], 3)
    newest = result["results"][0]
    assert (newest["records_outside"], newest["records_unplaced"], newest["release"]) == (20, 1, "2024-02-01")
    rebuild_safety_grid()
    assert value(here.connection, "SELECT sum(crime_count_total) FROM safety_cells") == 80


def test_months_outside_of_the_span_stay_out(here: Context, tmp_path: Path) -> None:
    months = ("2023-11", "2023-12", "2024-01")
    write_zip(tmp_path / "2024-01.zip", {name_of(month=month): month_of(month) for month in months})
    ingest_archive("2024-01.zip", oldest="2023-12", newest="2023-12")
    assert rows(here.connection, BY_MONTH) == [("2023-12", 40)]


def test_a_dry_run_says_what_would_come_in_and_how_much_room_it_takes(here: Context, tmp_path: Path) -> None:
    write_zip(tmp_path / "2024-01.zip", {name_of(): month_of()})
    plan = ingest_archive("2024-01.zip", dry_run=True)
    assert (plan["months"], plan["files"], plan["release"]) == (["2024-01"], 1, "2024-01-01")
    assert plan["bytes_free"] > plan["bytes_needed"] > 0
    assert rows(here.connection, BY_MONTH) == []


def test_the_country_is_an_area_that_comes_to_be_when_it_is_asked_for(here: Context, tmp_path: Path) -> None:
    write_zip(tmp_path / "2024-01.zip", {name_of(): month_of(), name_of("dorset"): dorset()})
    for _ in range(2):
        ingest_archive("2024-01.zip", area="country", again=True)
    by_area = "SELECT area, records, is_whole FROM area_months ORDER BY 1"
    assert rows(here.connection, by_area) == [("country", 60, True), ("southampton-core", 40, True)]
    assert value(here.connection, "SELECT count(*) FROM area_forces WHERE area = 'country'") == 45


def test_forces_without_a_file_are_named(here: Context, tmp_path: Path) -> None:
    coast(here)
    write_zip(tmp_path / "2024-01.zip", {name_of(): month_of()})
    (result,) = ingest_archive("2024-01.zip", area="coast")["results"]
    said = [issue["issue"] for issue in result["issues"]]
    assert {"the archive has no file of dorset", "the archive has no file of btp"} <= set(said)


def test_an_archive_without_any_file_of_an_area_s_forces_changes_nothing(here: Context, tmp_path: Path) -> None:
    write_zip(tmp_path / "2024-01.zip", {name_of(): month_of()})
    write_zip(tmp_path / "2024-02.zip", {name_of("dorset"): dorset()})
    ingest_archive("2024-01.zip")
    with pytest.raises(JobError, match="no file of hampshire for 2024-01"):
        ingest_archive("2024-02.zip")
    assert rows(here.connection, BY_MONTH) == [("2024-01", 40)]


@pytest.mark.parametrize("emptied", [True, False])
def test_a_force_that_is_held_is_not_given_up_for_a_file_that_is_not_there(
    here: Context, tmp_path: Path, emptied: bool
) -> None:
    coast(here)
    with here.connection.begin():
        here.connection.execute(text("INSERT INTO force_cells (cell, force) SELECT 1, 'dorset'"))
    write_zip(tmp_path / "2024-01.zip", {name_of(): month_of(count=200), name_of("dorset"): dorset()})
    ingest_archive("2024-01.zip", area="coast")
    placed = "UPDATE area_coverage SET placed = 20 WHERE force = 'dorset' AND area = 'coast'"
    with here.connection.begin():
        here.connection.execute(text(placed))
        here.connection.execute(
            text(
                "INSERT INTO area_coverage (area, month, force, status, reason, placed, is_whole) "
                "SELECT 'coast', '2024-01-01', 'dorset', 'unknown', '', 20, false ON CONFLICT DO NOTHING"
            )
        )
    files: dict[str, list[str]] = {name_of(): month_of(count=200)}
    if emptied:
        files[name_of("dorset")] = []
    write_zip(tmp_path / "2024-02.zip", files)
    with pytest.raises(SmallerMonth, match=r"no file of dorset \(20 crimes ingested\)"):
        ingest_archive("2024-02.zip", area="coast")
    assert value(here.connection, "SELECT count(*) FROM crime_incidents") == 220
    ingest_archive("2024-02.zip", area="coast", accept_smaller=True)
    assert value(here.connection, "SELECT count(*) FROM crime_incidents") == 200


def test_a_bad_file_fails_its_month_alone(here: Context, tmp_path: Path) -> None:
    files = {name_of(): [*month_of(), *["odd"] * 5], name_of(month="2023-12"): month_of("2023-12")}
    write_zip(tmp_path / "2024-01.zip", files)
    with pytest.raises(JobError, match=r"1 of 2 months failed.*hampshire-street.csv: 5 of 45 rows are invalid"):
        ingest_archive("2024-01.zip")
    assert rows(here.connection, BY_MONTH) == [("2023-12", 40)]
    failed = rows(
        here.connection, "SELECT to_char(month, 'YYYY-MM'), source FROM ingestion_runs WHERE status = 'failed'"
    )
    assert [(month, source.split(" (")[0]) for month, source in failed] == [("2024-01", "archive 2024-01.zip")]


def test_rows_that_are_set_aside_say_where_they_stand(here: Context, tmp_path: Path) -> None:
    write_zip(tmp_path / "2024-01.zip", {name_of(): [*month_of(), "odd"]})
    (result,) = ingest_archive("2024-01.zip")["results"]
    assert (result["records_set_aside"], result["records_ingested"]) == (1, 40)
    ((reason, record),) = rows(here.connection, "SELECT reason, record::json ->> 'line' FROM set_aside_records")
    assert (reason, record) == ("1 fields instead of 12", "42")


def test_crimes_of_a_category_that_was_not_known_come_in_when_it_is(here: Context, tmp_path: Path) -> None:
    odd = [row(50.92, -1.42, crime_id=ID(500), kind="Witchcraft", outcome="Offender fined"), row("", kind="Witchcraft")]
    write_zip(tmp_path / "2024-01.zip", {name_of(): [*month_of(count=100), *odd]})
    (result,) = ingest_archive("2024-01.zip")["results"]
    assert (result["change"], result["records_set_aside"]) == ("partial", 2)
    weights = dict.fromkeys(("saferoute", "cambridge", "ons"), 1.0)
    with here.connection.begin():
        categories.add(here.connection, "witchcraft", "Witchcraft", weights, here.settings.h3_resolution)
    query = "SELECT latitude, persistent_id, outcome, location_type FROM placed_crimes WHERE category = 'witchcraft'"
    assert rows(here.connection, query) == [(50.92, ID(500), "Offender fined", "Force")]
    assert value(here.connection, "SELECT count(*) FROM unplaced_crimes WHERE category = 'witchcraft'") == 1


@pytest.mark.parametrize("after", [0, 1, 2, 3, 5])
def test_after_a_stop_at_any_file_no_file_is_read_again(
    here: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    coast(here)
    months = ("2023-12", "2024-01")
    files = {name_of(month=month): month_of(month) for month in months}
    files |= {name_of("dorset", month): dorset(month) for month in months}
    write_zip(tmp_path / "2024-01.zip", {**files, name_of("btp"): [row(force=FORCES["btp"], kind="Drugs")]})
    staged: list[str] = []
    keep = archive_run.files.keep
    monkeypatch.setattr(archive_run.files, "keep", lambda *given: (keep(*given), staged.append(given[2].member.name)))
    looks = iter([False] * after + [True])
    here.is_stopping = lambda: next(looks, True)
    here.run_id = "a-run"
    with pytest.raises(Stopped):
        ingest_archive("2024-01.zip", area="coast")
    here.is_stopping = lambda: False
    result = ingest_archive("2024-01.zip", area="coast")
    assert sorted(staged) == sorted({*files, name_of("btp")})
    assert (result["total_records"], rows(here.connection, BY_MONTH)) == (121, [("2023-12", 60), ("2024-01", 61)])
    assert rows(here.connection, "SELECT count(*) FROM staged_pulls") == [(0,)]


def test_what_is_held_of_this_very_archive_is_not_brought_in_again(here: Context, tmp_path: Path) -> None:
    write_zip(tmp_path / "2024-01.zip", {name_of(): month_of()})
    assert len(ingest_archive("2024-01.zip")["results"]) == 1
    assert ingest_archive("2024-01.zip")["results"] == []
    (result,) = ingest_archive("2024-01.zip", again=True)["results"]
    assert result["change"] == "unchanged"
    write_zip(tmp_path / "2024-01.zip", {name_of(): [*month_of(), row()]})
    (result,) = ingest_archive("2024-01.zip")["results"]
    assert (result["change"], result["difference"]["added"]) == ("refreshed", 1)


def test_of_a_month_by_api_and_by_archive_the_newer_release_is_held(here: Context, tmp_path: Path) -> None:
    older, newer = "2024-01.zip", "2024-03.zip"
    for name in (older, newer):
        write_zip(tmp_path / name, {name_of(): month_of()})
    with served(here, scattered(count=60), published=[MONTH, "2024-02"]):
        ingest_month_on_demand(2024, 1)
        before = rows(here.connection, CRIMES)
        result = ingest_archive(older)
        assert (result["superseded"], result["results"]) == ([{"area": "southampton-core", "month": "2024-01-01"}], [])
        assert rows(here.connection, CRIMES) == before
        ingest_archive(newer, accept_smaller=True)
        assert rows(here.connection, BY_MONTH) == [(MONTH, 40)]
        with pytest.raises(JobError, match="ingested from a newer release than 2024-02"):
            ingest_month_on_demand(2024, 1)
    assert rows(here.connection, BY_MONTH) == [(MONTH, 40)]
    noted = rows(here.connection, "SELECT status FROM ingestion_runs ORDER BY id")
    assert [status for (status,) in noted] == ["success", "superseded", "success", "superseded"]


def test_a_town_of_a_newer_release_stays_within_a_country_of_an_older_one(here: Context, tmp_path: Path) -> None:
    coast(here)
    write_zip(
        tmp_path / "2024-01.zip",
        {
            name_of(): [*month_of(), *month_of(lat=50.7), row("")],
            name_of("dorset"): [*dorset(), row("", force=FORCES["dorset"])],
        },
    )
    with served(here, scattered(count=60), published=[MONTH, "2024-02"]):
        ingest_month_on_demand(2024, 1, area="southampton-core")
    town = rows(here.connection, CRIMES)
    (result,) = ingest_archive("2024-01.zip", area="coast")["results"]
    assert (result["records_ingested"], result["records_outside"], result["records_unplaced"]) == (60, 41, 1)
    assert rows(here.connection, "SELECT area, records, is_whole FROM area_months ORDER BY 1") == [
        ("coast", 120, True),
        ("southampton-core", 60, True),
    ]
    inside = f"{CRIMES.split('ORDER', maxsplit=1)[0]} WHERE latitude BETWEEN 50.85 AND 51 ORDER BY 1, 2, 3, 4"
    assert rows(here.connection, inside) == town
    assert rows(here.connection, "SELECT force, count(*) FROM unplaced_crimes GROUP BY 1") == [("dorset", 1)]


def test_a_reader_never_sees_a_month_in_part(here: Context, engine: Engine, tmp_path: Path) -> None:
    write_zip(tmp_path / "2024-01.zip", {name_of(): month_of(count=400)})
    write_zip(tmp_path / "2024-02.zip", {name_of(): month_of(count=430)})
    seen: set[int] = set()
    is_over = threading.Event()

    def read() -> None:
        with engine.connect() as reader:
            while not is_over.is_set():
                with reader.begin():
                    seen.add(reader.scalar(text("SELECT count(*) FROM crime_incidents")) or 0)

    reading = threading.Thread(target=read)
    reading.start()
    try:
        for name in ("2024-01.zip", "2024-02.zip", "2024-01.zip", "2024-02.zip"):
            ingest_archive(name, again=True)
    finally:
        is_over.set()
        reading.join()
    assert seen <= {0, 400, 430}
    assert {400, 430} <= seen


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        ("/etc/passwd", "must be the name of a file"),
        ("../other.zip", "must be the name of a file"),
        ("http://data.police.uk/data/archive/2024-01.zip", "must be an https:// address"),
        ("https://me:secret@data.police.uk/data/archive/2024-01.zip", "an address without a password"),
        ("https://data.police.uk/data/archive/", "ends with the name of a zip file"),
        ("file:///etc/passwd", "must be an https:// address"),
    ],
)
def test_an_archive_from_anywhere_else_is_refused_when_it_is_asked_for(here: Context, archive: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        ingest_archive(archive)


def test_an_archive_that_is_not_there_is_named_with_those_that_are(here: Context, tmp_path: Path) -> None:
    write_zip(tmp_path / "2024-02.zip", {name_of(): month_of()})
    with pytest.raises(ArchiveRefused, match=r"There is no 2024-01.zip in .* Its files: 2024-02.zip"):
        ingest_archive("2024-01.zip")


def test_a_link_out_of_the_folder_is_not_followed(here: Context, tmp_path: Path) -> None:
    outside = write_zip(tmp_path / "elsewhere" / "2024-01.zip", {name_of(): month_of()})
    folder = tmp_path / "import"
    folder.mkdir()
    (folder / "2024-01.zip").symlink_to(outside)
    here.settings = here.settings.model_copy(update={"import_folder": folder})
    with pytest.raises(ArchiveRefused, match="is outside the import folder"):
        ingest_archive("2024-01.zip")


def test_a_disk_without_room_is_said_before_anything_comes_in(
    here: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_zip(tmp_path / "2024-01.zip", {name_of(): month_of()})
    monkeypatch.setattr(archive_run.room, "free", lambda _: 100)
    with pytest.raises(ArchiveRefused, match=r"need about .* GiB in PostgreSQL, and 0.0 are free"):
        ingest_archive("2024-01.zip")
    assert rows(here.connection, "SELECT count(*) FROM ingestion_runs") == [(0,)]


def test_a_refused_file_says_so_in_the_run_s_error(here: Context, tmp_path: Path) -> None:
    write_zip(tmp_path / "2024-01.zip", {name_of(): b"not,a,header\n"})
    with pytest.raises(MemberRefused, match=r"begins with 'not,a,header'"):
        ingest_archive("2024-01.zip")
