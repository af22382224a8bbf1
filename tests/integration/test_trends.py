"""More than usual: against a computation of its own in whole numbers, and only by months that can be compared."""

import datetime as dt
import gzip
import itertools
import json
import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import h3
import pytest
from sqlalchemy import Connection, text

from jobs import database
from jobs.grid import store
from jobs.grid.answers import NoSuchCell
from jobs.grid.query import QueryRefused
from jobs.grid.reading import Grid
from jobs.grid.trends import season
from jobs.grid.trends.query import TrendQuery, UnusualQuery
from jobs.months import parse_month
from tests.browser import town
from worker.settings import Settings

YEARS = (2021, 2022, 2023, 2024)
# Latitude, longitude, crimes of each month in the earlier years and in the newest; all in one family.
RISING, STEADY, RARE = (50.905, -1.404, 4, 11), (50.911, -1.41, 6, 6), (50.917, -1.417, 0, 1)
AREA = UnusualQuery(area="southampton-core")


def cell_of(place: tuple[float, float, int, int]) -> str:
    return str(h3.cell_to_parent(h3.latlng_to_cell(*place[:2], 10), 9))


@pytest.fixture
def grid(settings: Settings, connection: Connection) -> Iterator[Grid]:
    """Of March to May of four years."""
    with connection.begin():
        for year, month in itertools.product(YEARS, (3, 4, 5)):
            counts = {place[:2]: place[3 if year == YEARS[-1] else 2] for place in (RISING, STEADY, RARE)}
            cells = {h3.latlng_to_cell(*at, 10): Counter({"burglary": count}) for at, count in counts.items() if count}
            town.put(connection, dt.date(year, month, 1), cells)
    engine = database.create(settings)
    yield Grid(settings, engine)
    engine.dispose()


def unusual(grid: Grid, query: UnusualQuery = AREA) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(grid.past.unusual(query).packed or b""))
    return found


def trend(grid: Grid, place: tuple[float, float, int, int], **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        gzip.decompress(grid.past.trend(cell_of(place), TrendQuery(**asked)).packed or b"")
    )
    return found


def chance(recent: int, earlier: int, years: int = 3) -> Fraction:
    """Of as many recent crimes or more at 1.25 times the rate of the years before: March to May has 92 days in each."""
    share = Fraction(5, 4) / (Fraction(5, 4) + years)
    of = recent + earlier
    return sum((math.comb(of, n) * share**n * (1 - share) ** (of - n) for n in range(recent, of + 1)), Fraction(0))


def test_a_cell_that_rose_is_listed_with_the_chance_that_whole_numbers_give(grid: Grid) -> None:
    found = unusual(grid)
    assert (found["found"], found["looked_at"], found["not_tested"]) == (1, 2, 1)
    (one,) = found["cells"]
    assert (one["h3"], one["recent"], one["expected"], one["ratio"]) == (cell_of(RISING), 33, 12, 2.75)
    # Two cells are looked at: of the surer one, twice its chance.
    assert one["p_adjusted"] == pytest.approx(float(2 * chance(33, 36)), rel=1e-9)
    assert (one["latitude"], one["longitude"]) == pytest.approx(h3.cell_to_latlng(one["h3"]), abs=1e-6)


def test_a_cell_says_the_same_of_itself(grid: Grid) -> None:
    for place, is_more in ((RISING, True), (STEADY, False), (RARE, None)):
        found = trend(grid, place)
        assert found["more_than_usual"] is is_more, place
        assert found["looked_at"] == 2
        assert [one["crimes"] for one in found["months"]] == [place[2]] * 9 + [place[3]] * 3
        assert [one["use"] for one in found["months"]] == ["earlier"] * 9 + ["recent"] * 3
    steady = trend(grid, STEADY)
    assert steady["p_value"] == pytest.approx(float(chance(18, 54)), rel=1e-9)
    assert steady["p_adjusted"] == steady["p_value"]
    assert trend(grid, RARE)["why_not"].startswith("fewer than 10 crimes")
    assert len(steady["months_not_held"]) == 39 - 12


def test_other_months_and_categories_can_be_asked_for(grid: Grid) -> None:
    assert unusual(grid, AREA.model_copy(update={"last": parse_month("2023-05")}))["found"] == 0
    one_month = trend(grid, RISING, recent=1)
    assert (one_month["recent_months"], one_month["recent"], one_month["earlier"]) == (["2024-05"], 11, 12)
    with pytest.raises(NoSuchCell, match="has no crimes in the ingested months"):
        trend(grid, RISING, category=("drugs",))
    with pytest.raises(QueryRefused, match="bbox: is required, or `area`"):
        grid.past.unusual(UnusualQuery())
    nowhere = UnusualQuery(area="southampton-core", bbox="40,1,41,2")  # type: ignore[arg-type]
    assert (unusual(grid, nowhere)["cells"], unusual(grid, nowhere)["looked_at"]) == ([], 0)


def gap(connection: Connection, force: str, month: str) -> None:
    connection.execute(
        text(
            "INSERT INTO area_coverage (area, month, force, status, reason, placed, is_whole) "
            "VALUES ('southampton-core', :month, :force, 'missing', 'No file', 0, false) "
            "ON CONFLICT (area, month, force) DO UPDATE SET status = excluded.status"
        ),
        {"month": parse_month(month), "force": force},
    )


def own(connection: Connection, force: str) -> None:
    cell = h3.str_to_int(h3.latlng_to_cell(*RISING[:2], 6))
    new = text("INSERT INTO force_cells (cell, force) VALUES (:cell, :force) ON CONFLICT DO NOTHING")
    connection.execute(new, {"cell": cell, "force": force})


def test_a_year_that_was_not_supplied_is_no_past(grid: Grid, connection: Connection) -> None:
    with connection.begin():
        own(connection, "hampshire")
        gap(connection, "hampshire", "2022-04")
        # Of other land.
        gap(connection, "kent", "2021-04")
    found = trend(grid, RISING)
    assert {month[:4] for month in found["earlier_months"]} == {"2021", "2023"}
    assert found["p_value"] == pytest.approx(float(chance(33, 24, years=2)), rel=1e-9)
    with connection.begin():
        gap(connection, "hampshire", "2024-03")
    found = trend(grid, RISING)
    # The month is left out of the earlier years too, and 2022 can be compared again: but for April.
    assert found["recent_months"] == ["2024-04", "2024-05"]
    assert {month[5:] for month in found["earlier_months"]} == {"04", "05"}
    # Where nobody has asked whose land it is, it may be that of any of them.
    with connection.begin():
        connection.execute(text("DELETE FROM force_cells"))
        store.publish(connection, store.next_generation(connection))
    assert {month[:4] for month in trend(grid, RISING)["earlier_months"]} == {"2023"}


def test_what_the_railway_police_did_not_supply_makes_a_past_too_small_but_no_present(
    grid: Grid, connection: Connection
) -> None:
    with connection.begin():
        gap(connection, "btp", "2022-04")
        gap(connection, "btp", "2024-04")
    found = trend(grid, RISING)
    assert {month[:4] for month in found["earlier_months"]} == {"2021", "2023"}
    assert len(found["recent_months"]) == 3


def test_a_year_in_which_less_of_the_land_was_held_is_no_past(grid: Grid, connection: Connection) -> None:
    shrink = text(
        "UPDATE month_grounds SET boundary = jsonb_build_object('type', 'MultiPolygon', 'coordinates', "
        "'[[[[-1.55,50.85],[-1.41,50.85],[-1.41,51],[-1.55,51],[-1.55,50.85]]]]'::jsonb) WHERE month = ANY(:months)"
    )
    assert len(trend(grid, RISING)["earlier_months"]) == 9
    with connection.begin():
        connection.execute(shrink, {"months": [dt.date(2022, month, 1) for month in (3, 4, 5)]})
        # Kept answers are of a version of the grid.
        store.publish(connection, store.next_generation(connection))
    assert {month[:4] for month in trend(grid, RISING)["earlier_months"]} == {"2021", "2023"}


def test_without_a_past_nothing_is_said(grid: Grid) -> None:
    found = trend(grid, RISING, last=parse_month("2021-05"))
    assert (found["more_than_usual"], found["expected"], found["ratio"]) == (None, None, None)
    assert found["why_not"].startswith("the same months of earlier years are not ingested")
    found = unusual(grid, AREA.model_copy(update={"last": parse_month("2021-05")}))
    assert (found["looked_at"], found["not_tested"]) == (0, 2)


def test_an_earlier_year_counts_with_all_months_that_are_used_or_not_at_all() -> None:
    months = {dt.date(year, month, 1) for year in YEARS for month in (3, 4, 5)}
    last = dt.date(2024, 5, 1)
    assert len(season.select(last, 3, months, months - {dt.date(2022, 4, 1)}).earlier) == 6
    # A month that is missing now is asked of no other year.
    found = season.select(last, 3, months - {dt.date(2024, 4, 1)}, months - {dt.date(2022, 4, 1)})
    assert (len(found.recent), len(found.earlier)) == (2, 6)
    # February has a day more in 2024.
    leap = season.Season((dt.date(2024, 2, 1),), (dt.date(2023, 2, 1),))
    assert leap.scale == 29 / 28
    assert leap.share == pytest.approx(1.25 * 29 / (1.25 * 29 + 28))
