"""Real months, each with the verdict on its forces and why: what is missing is never taken for safe."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jobs import areas
from jobs.context import Context
from jobs.coverage import changes, gaps
from jobs.coverage.locate import locate_forces
from jobs.held import land
from jobs.ingestion.run import ingest_month_on_demand
from jobs.settings import Box
from jobs.validation import validate_h3_grid_health
from tests.conftest import SHARED, needs
from tests.integration.crimes import point_at, rows
from tests.standins.police import PoliceStandin

POLICE = SHARED / "data/police"
WINTER = ("2018-10", "2018-11", "2018-12", "2019-01", "2019-02")
SPRING = ("2024-01", "2024-02", "2024-03", "2024-04")


@contextmanager
def source(here: Context, folder: Path, archive: str, months: tuple[str, ...], *forces: str) -> Iterator[PoliceStandin]:
    """A stand-in with these forces' files of an archive: it need not read the others."""
    needs(str(POLICE / archive), (POLICE / archive).exists())
    wanted = {f"{month}-{force}-street.csv" for month in months for force in forces}
    with zipfile.ZipFile(POLICE / archive) as files:
        for name in files.namelist():
            if (file := name.rsplit("/", maxsplit=1)[-1]) in wanted:
                (folder / file).write_bytes(files.read(name))
    with PoliceStandin(folder, rate=None) as police:
        point_at(here, police)
        yield police


def hold(here: Context, box: Box, months: tuple[str, ...]) -> list[dict[str, Any]]:
    """Ask whose land the box is, and ingest the months; returns their results."""
    with here.connection.begin():
        land.remove(here.connection, "southampton-core")
        land.add(here.connection, areas.from_box("real", "Real", box, ()))
    assert locate_forces("real")["problem"] == ""
    return [ingest_month_on_demand(int(month[:4]), int(month[5:]))["results"][0] for month in months]


def verdicts(here: Context, force: str) -> dict[str, tuple[str, str]]:
    """{month: (status, reason)} of a force"""
    query = "SELECT to_char(month, 'YYYY-MM'), status, reason FROM area_coverage WHERE force = :force ORDER BY 1"
    return {month: (status, reason) for month, status, reason in rows(here.connection, query, force=force)}


def statuses(here: Context, force: str) -> list[str]:
    return [status for status, _ in verdicts(here, force).values()]


def test_manchester_is_missing_though_its_neighbours_crimes_lie_there(here: Context, tmp_path: Path) -> None:
    months = ("2024-01", "2024-02")
    around = ("cheshire", "lancashire", "derbyshire", "merseyside", "btp")
    with source(here, tmp_path, "2024-02.zip", months, *around):
        results = hold(here, (53.35, -2.55, 53.65, -2.0), months)
        report = validate_h3_grid_health()
    assert all(result["records_ingested"] > 100 for result in results)
    found = verdicts(here, "greater-manchester")
    assert {status for status, _ in found.values()} == {"missing"}
    assert all("It has supplied nothing since 2019-07" in reason for _, reason in found.values())
    for result in results:
        (issue,) = [issue for issue in result["issues"] if issue.get("force") == "greater-manchester"]
        assert issue["issue"].startswith("greater-manchester is missing: It has supplied nothing since 2019-07")
    assert report["health_status"] != "healthy"
    assert report["coverage"]["forces"]["real"]["missing"] == {"greater-manchester": "2024-01 to 2024-02"}
    assert any(
        issue.startswith("real: greater-manchester did not supply 2024-01 to 2024-02") for issue in report["issues"]
    )


def test_all_four_months_of_dyfed_powys_are_partial_with_and_without_the_known_gap(
    here: Context, tmp_path: Path
) -> None:
    with source(here, tmp_path, "edge-cases.zip", SPRING, "dyfed-powys"):
        results = hold(here, (51.2, -5.8, 53.0, -2.8), SPRING)
    # One of February lies far away.
    assert [result["records_ingested"] + result["records_unplaced"] for result in results] == [1187, 299, 164, 283]
    assert statuses(here, "dyfed-powys") == ["partial"] * 4
    with here.connection.begin():
        (gap,) = gaps.of_force(gaps.known(here.connection), "dyfed-powys")
        assert gap.id
        changes.remove_gap(here.connection, gap.id)
    assert statuses(here, "dyfed-powys") == ["partial"] * 4
    assert verdicts(here, "dyfed-powys")["2024-01"][1].endswith("crimes; about 3200 are usual for this force")
    pale = [issue for issue in validate_h3_grid_health()["issues"] if "have no place" in issue]
    assert [issue.partition(")")[0] for issue in pale] == ["real 2024-01: 31% of the crimes of dyfed-powys (361"]


def test_a_month_without_the_railway_police_where_it_always_has_crimes_is_missing(
    here: Context, tmp_path: Path
) -> None:
    with source(here, tmp_path, "edge-cases.zip", WINTER, "btp") as police:
        hold(here, (51.3, -0.5, 51.7, 0.3), WINTER)
        assert statuses(here, "btp") == ["complete"] * 5
        crimes = [crime["id"] for crime in police.crimes("2018-12", "btp")]
        # A month without any crime is refused.
        left = {"latitude": 51.5, "longitude": -0.1, "location_type": "Force"}
        police.revise("2018-12", force="btp", remove=crimes, add=[left])
        ingest_month_on_demand(2018, 12, accept_smaller=True)
    assert statuses(here, "btp") == ["complete", "complete", "missing", "complete", "complete"]
    # Its crimes are no sign of the force whose land it is.
    assert set(statuses(here, "metropolitan")) == {"unknown"}


def test_northern_ireland_is_complete(here: Context, tmp_path: Path) -> None:
    with source(here, tmp_path, "edge-cases.zip", WINTER, "northern-ireland"):
        hold(here, (53.7, -8.7, 55.7, -4.9), WINTER)
    assert statuses(here, "northern-ireland") == ["complete"] * 5
    assert all("about 11800 are usual" in reason for _, reason in verdicts(here, "northern-ireland").values())


def test_a_city_is_judged_by_its_own_months_and_one_month_alone_is_left_open(here: Context, tmp_path: Path) -> None:
    with source(here, tmp_path, "hampshire.zip", (*WINTER, *SPRING), "hampshire"):
        hold(here, (50.85, -1.55, 51.0, -1.3), WINTER[:1])
        assert verdicts(here, "hampshire")["2018-10"][0] == "unknown"
        for month in (*WINTER[1:], *SPRING):
            ingest_month_on_demand(int(month[:4]), int(month[5:]))
        report = validate_h3_grid_health()
    assert statuses(here, "hampshire") == ["complete"] * 9
    assert not [issue for issue in report["issues"] if "hampshire" in issue]
    assert report["coverage"]["forces"] == {}


@pytest.mark.parametrize(
    ("force", "box", "around"),
    [
        ("merseyside", (53.1, -3.6, 53.85, -2.4), ("cheshire", "lancashire", "north-wales")),
        ("staffordshire", (52.4, -2.6, 53.35, -1.4), ("derbyshire", "cheshire", "west-mercia")),
    ],
)
def test_a_county_is_complete_by_what_is_usual_of_its_force(
    here: Context, tmp_path: Path, force: str, box: Box, around: tuple[str, ...]
) -> None:
    months = ("2024-01", "2024-02")
    with source(here, tmp_path, "2024-02.zip", months, force, *around):
        hold(here, box, months)
    assert statuses(here, force) == ["complete"] * 2
    assert all("are usual for this force" in reason for _, reason in verdicts(here, force).values())
