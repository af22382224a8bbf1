"""A change of weights is one update of the grid, and nobody goes on reading the old ones."""

import gzip
import json

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from jobs.context import Context
from jobs.grid import period
from jobs.grid.query import GridQuery
from jobs.grid.reading import Grid
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.grid.weights import SchemeRefused, weigh
from tests.gridded import build, hold, scattered
from tests.integration.crimes import change, rows, value
from worker.cli import cli

WEIGHTED = "SELECT cell_id, crime_count_weighted FROM safety_cells ORDER BY 1"
DEFAULT = "SELECT name FROM weight_schemes WHERE is_default"


@pytest.fixture(autouse=True)
def _a_grid(here: Context) -> None:
    for month in ("2023-12", "2024-01"):
        hold(here.connection, month, scattered(month))
    build(here.connection)


def test_the_grid_is_weighed_as_a_rebuild_would_weigh_it(here: Context) -> None:
    before = rows(here.connection, WEIGHTED)
    assert weigh(here.connection, here.cache, "cambridge") == len(before)
    weighed = rows(here.connection, WEIGHTED)
    assert weighed != before
    assert value(here.connection, DEFAULT) == "cambridge"
    rebuild_safety_grid(force=True)
    assert [cell for cell, _ in weighed] == [cell for cell, _ in rows(here.connection, WEIGHTED)]
    assert [n for _, n in weighed] == pytest.approx([n for _, n in rows(here.connection, WEIGHTED)])
    weigh(here.connection, here.cache, "saferoute")
    assert [n for _, n in rows(here.connection, WEIGHTED)] == pytest.approx([n for _, n in before])


def test_weights_that_were_changed_are_applied_by_naming_their_scheme_again(here: Context) -> None:
    before = value(here.connection, "SELECT sum(crime_count_weighted) FROM safety_cells")
    change(here.connection, "UPDATE crime_weights SET weight = weight * 2 WHERE scheme = 'saferoute'")
    weigh(here.connection, here.cache, "saferoute")
    doubled = value(here.connection, "SELECT sum(crime_count_weighted) FROM safety_cells")
    assert doubled == pytest.approx(2 * before)


def test_snapshots_of_the_old_weights_are_gone_and_those_on_their_way_are_never_found(here: Context) -> None:
    here.cache.set("safety:snapshot:1:x", "x")
    with here.connection.begin():
        before = period.version(here.connection)
    weigh(here.connection, here.cache, "ons")
    assert here.cache.keys("safety:snapshot:*") == []
    with here.connection.begin():
        assert period.version(here.connection).generation == before.generation + 1


@pytest.mark.parametrize("months", [1, 2])
def test_readers_see_the_new_weights_however_few_months_the_grid_has(here: Context, months: int) -> None:
    if months == 1:
        for table in ("safety_cells", "grid_months"):
            change(here.connection, f"DELETE FROM {table} WHERE month = '2023-12-01'")
    grid = Grid(here.settings, here.connection.engine)
    query = GridQuery(resolution=7)
    before = grid.cells(query)
    assert grid.cells(query).etag == before.etag
    weigh(here.connection, here.cache, "cambridge")
    after = grid.cells(query)
    assert after.etag != before.etag
    weighted = [
        sum(one["properties"]["weighted"] for one in json.loads(gzip.decompress(answer.packed or b""))["features"])
        for answer in (before, after)
    ]
    assert weighted[1] > 2 * weighted[0] > 0


def test_a_scheme_that_is_unknown_or_lacks_a_weight_changes_nothing(here: Context) -> None:
    change(here.connection, "DELETE FROM crime_weights WHERE scheme = 'ons' AND category = 'drugs'")
    before = rows(here.connection, WEIGHTED)
    with pytest.raises(SchemeRefused, match=r"no scheme mine\. Schemes: saferoute, cambridge, ons"):
        weigh(here.connection, here.cache, "mine")
    with pytest.raises(SchemeRefused, match="ons has no weight for drugs: add it to the table crime_weights"):
        weigh(here.connection, here.cache, "ons")
    assert (rows(here.connection, WEIGHTED), value(here.connection, DEFAULT)) == (before, "saferoute")


def test_the_command_shows_the_schemes_and_changes_the_default(here: Context) -> None:
    surroundings = {"DATABASE_URL": here.settings.database_url, "REDIS_URL": here.settings.redis_url}
    result = CliRunner().invoke(cli, ["weights", "--default", "cambridge", "--json"], env=surroundings)
    assert result.exit_code == 0, result.output
    cells = value(here.connection, "SELECT count(*) FROM safety_cells")
    assert result.stderr.endswith(f"{cells} cells now have the weights of cambridge\n")
    assert [(one["name"], one["is_default"]) for one in json.loads(result.stdout)] == [
        ("cambridge", True),
        ("ons", False),
        ("saferoute", False),
    ]
    with here.connection.begin():
        assert here.connection.scalar(text(DEFAULT)) == "cambridge"
