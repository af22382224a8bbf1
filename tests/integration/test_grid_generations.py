"""An earlier generation of the grid can be published again, as it was, and stays until somebody resumes rebuilds."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from jobs import context, database, schema
from jobs.context import Context
from jobs.grid import generations, period
from jobs.grid.generations import GenerationRefused
from jobs.grid.publishing import publish_grid_generation
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.grid.weights import weigh
from jobs.validation import validate_h3_grid_health
from tests.gridded import Place, hold, scattered
from tests.integration.crimes import change, rows, served, value
from tests.integration.findings.looking import looking
from worker.cli import cli
from worker.settings import Settings

MONTHS = ("2023-11", "2023-12", "2024-01")
FINE = "SELECT cell_id, h3_index, crime_count_total, crime_count_weighted, stats FROM safety_cells ORDER BY cell_id"
COARSE = "SELECT month, h3_index, crime_count_total, crime_count_weighted, stats FROM coarse_cells ORDER BY 1, 2"
NOTED = "SELECT month, fingerprint, h3_resolution, cells, crimes, built_at FROM grid_months ORDER BY month"
COUNTED = """
    SELECT month::text, generation, category, cell, n FROM kept_counts, unnest(h3_cells, counts) AS unpacked (cell, n)
    ORDER BY 1, 2, 3, 4
"""
# The month that the first generation has otherwise.
BEFORE = ("2023-12-01", 1)
BAD = [Place("", 50.9, -1.4, "robbery")] * 500


def grid_of(here: Context) -> list[Any]:
    """All of the grid but the numbers of its generations."""
    return [rows(here.connection, query) for query in (FINE, COARSE, NOTED)]


def listed(here: Context) -> list[tuple[int, int, int]]:
    """Number, months and crimes of each generation."""
    with here.connection.begin():
        return [(one.generation, one.months, one.crimes) for one in generations.kept(here.connection)]


def current(here: Context) -> int:
    with here.connection.begin():
        return period.version(here.connection).generation


@pytest.fixture
def good(here: Context) -> list[Any]:
    """Three months, then a fourth and a bad revision of another: what the grid was before these."""
    here.report_progress = lambda *_: None
    for month in MONTHS:
        hold(here.connection, month, scattered(month))
    rebuild_safety_grid()
    before = grid_of(here)
    hold(here.connection, "2023-12", BAD)
    hold(here.connection, "2024-02", scattered("2024-02"))
    assert rebuild_safety_grid()["months_rebuilt"] == ["2024-02-01", "2023-12-01"]
    assert grid_of(here) != before
    return before


def test_it_is_the_grid_that_it_was_under_the_next_number(here: Context, good: list[Any]) -> None:
    assert listed(here) == [(2, 4, 1100), (1, 3, 600)]
    assert publish_grid_generation(1) == {
        "task": "publish_grid_generation",
        "generation": 3,
        "restores": 1,
        "months_restored": ["2023-12-01"],
        "months_removed": ["2024-02-01"],
    }
    assert grid_of(here) == good
    assert listed(here) == [(3, 3, 600), (2, 4, 1100), (1, 3, 600)]
    assert current(here) == 3


def test_the_bad_one_can_be_looked_at_again(here: Context, good: list[Any]) -> None:
    bad = grid_of(here)
    publish_grid_generation(1)
    done = publish_grid_generation(2)
    assert (done["months_restored"], done["months_removed"]) == (["2024-02-01", "2023-12-01"], [])
    assert grid_of(here) == bad
    publish_grid_generation(3)
    assert grid_of(here) == good


def test_its_cells_weigh_what_the_present_default_says(here: Context, good: list[Any]) -> None:
    weigh(here.connection, here.cache, "cambridge")
    assert listed(here)[0] == (3, 4, 1100)
    publish_grid_generation(1)
    weigh(here.connection, here.cache, "saferoute")
    assert grid_of(here) == good


def test_one_that_cannot_be_published_is_refused_and_changes_nothing(here: Context, good: list[Any]) -> None:
    before = grid_of(here)
    for number, words in (
        (2, "Generation 2 is published already$"),
        (7, "There is no generation 7; choose one of 1, 2"),
    ):
        with pytest.raises(GenerationRefused, match=words):
            publish_grid_generation(number)
    finer = here.settings
    here.settings = finer.model_copy(update={"h3_resolution": 9})
    with pytest.raises(GenerationRefused, match="has cells of resolution 10 and H3_RESOLUTION is 9"):
        publish_grid_generation(1)
    here.settings = finer
    change(here.connection, "DELETE FROM crime_weights WHERE category = 'drugs'")
    with pytest.raises(GenerationRefused, match="no weight for drugs, of which generation 1 has crimes"):
        publish_grid_generation(1)
    assert (grid_of(here), current(here)) == (before, 2)
    assert not value(here.connection, "SELECT count(*) FROM pauses")


def test_one_that_was_published_again_is_published(here: Context, good: list[Any]) -> None:
    publish_grid_generation(1)
    with pytest.raises(GenerationRefused, match="Generation 1 is published already, as 3"):
        publish_grid_generation(1)


def test_without_a_grid_there_is_none(here: Context) -> None:
    with pytest.raises(GenerationRefused, match="The grid has no generation yet: run rebuild_safety_grid"):
        publish_grid_generation(1)


def test_no_more_than_the_setting_says_are_kept(here: Context) -> None:
    here.settings = here.settings.model_copy(update={"grid_generations": 2})
    for count in range(1, 5):
        hold(here.connection, "2024-01", BAD[:count])
        rebuild_safety_grid()
    assert listed(here) == [(4, 1, 4), (3, 1, 3)]
    assert rows(here.connection, "SELECT generation, until FROM kept_months") == [(3, 4)]
    assert rows(here.connection, "SELECT generation, category FROM kept_counts ORDER BY 1") == [
        (3, "robbery"),
        (4, "robbery"),
    ]
    with pytest.raises(GenerationRefused, match="Generation 2 is no longer kept; choose one of 3, 4"):
        publish_grid_generation(2)
    publish_grid_generation(3)
    assert value(here.connection, "SELECT sum(crime_count_total) FROM safety_cells") == 3


def test_rebuilds_are_paused_until_somebody_resumes_them(here: Context, good: list[Any]) -> None:
    publish_grid_generation(1)
    built = rebuild_safety_grid(force=True)
    assert built["months_rebuilt"] == []
    assert "`safegrid grid resume`" in built["not_rebuilt"]
    assert (grid_of(here), current(here)) == (good, 3)
    surroundings = {"DATABASE_URL": here.settings.database_url, "REDIS_URL": here.settings.redis_url}
    result = CliRunner().invoke(cli, ["grid", "resume"], env=surroundings)
    assert (result.exit_code, result.stderr) == (0, "Rebuilds are resumed\n")
    run = "SELECT parameters->>'months', parameters->>'until' FROM runs WHERE id = :id AND job = 'rebuild_safety_grid'"
    assert rows(here.connection, run, id=result.stdout.strip()) == [("3", "2024-02")]
    assert rebuild_safety_grid(months=3, until="2024-02")["months_rebuilt"] == ["2024-02-01", "2023-12-01"]
    assert listed(here)[0] == (4, 4, 1100)
    again = CliRunner().invoke(cli, ["grid", "resume"], env=surroundings)
    assert (again.stdout, again.stderr) == ("", "Rebuilds were not paused\n")


def test_a_pause_is_named_and_what_it_leaves_behind_is_no_fault(
    here: Context, good: list[Any], settings: Settings
) -> None:
    with served(here, [], published=["2024-02"]):
        publish_grid_generation(1)
        health = validate_h3_grid_health()
        concerns = [one for one in health["issues"] if one.startswith("Rebuilds are paused")]
        assert len(concerns) == 1
        assert concerns[0].endswith("differs from the stored crimes of 2024-02, 2023-12")
        assert health["health_status"] == "warning", health["issues"]
        # Cells that other hands have changed are a fault all the same.
        change(here.connection, "UPDATE safety_cells SET stats = '{\"drugs\": 9}' WHERE month = '2024-01-01'")
        assert validate_h3_grid_health()["health_status"] == "degraded"
    with looking(settings, here.connection) as looker:
        assert "safegrid grid resume" in looker.of("paused")["the grid"].remedy
        assert not looker.of("grid_old")


def test_a_kill_in_the_middle_leaves_the_published_one(here: Context, good: list[Any], settings: Settings) -> None:
    """Its connection is ended at each statement in turn; the next attempt does the work once."""
    bad = grid_of(here)
    engine = database.create(settings)
    statements = 0
    while True:
        with engine.connect() as connection:
            killed = Context(settings, connection, here.cache, report_progress=lambda *_: None)
            if done := _publish_until_killed(killed, statements, here):
                break
        assert grid_of(here) == bad
        assert not value(here.connection, "SELECT count(*) FROM pauses")
        statements += 1
    engine.dispose()
    assert statements > 10
    assert (done["generation"], grid_of(here)) == (3, good)


def _publish_until_killed(killed: Context, after: int, here: Context) -> dict[str, Any] | None:
    """None where its connection ended after so many statements."""
    left = [after]
    pid = killed.connection.scalar(text("SELECT pg_backend_pid()"))
    killed.connection.rollback()

    def end(*_: Any) -> None:
        left[0] -= 1
        if left[0] == -1:
            value(here.connection, "SELECT pg_terminate_backend(:pid, 5000)", pid=pid)

    event.listen(killed.connection, "before_cursor_execute", end)
    try:
        with context.use(killed):
            return publish_grid_generation(1)
    except OperationalError:
        killed.connection.invalidate()
        return None


def test_an_attempt_after_a_kill_behind_the_commit_does_nothing_again(here: Context, good: list[Any]) -> None:
    done = publish_grid_generation(1)
    here.run_id, here.state = "a run", {"published": {key: one for key, one in done.items() if key != "task"}}
    assert publish_grid_generation(1) == done
    assert current(here) == 3


def test_a_rebuild_beside_it_ends_first_or_finds_the_pause(here: Context, good: list[Any], settings: Settings) -> None:
    def rebuild() -> dict[str, Any]:
        with context.open_context(settings) as other:
            other.report_progress = lambda *_: None
            return rebuild_safety_grid(force=True)

    with ThreadPoolExecutor(1) as thread:
        other = thread.submit(rebuild)
        publish_grid_generation(1)
        other.result()
    newest = current(here)
    with here.connection.begin():
        assert generations.published_as(here.connection, 1) == newest
    assert grid_of(here)[:2] == good[:2]


def test_the_command_lists_them_and_publishes_one(here: Context, good: list[Any]) -> None:
    surroundings = {"DATABASE_URL": here.settings.database_url, "REDIS_URL": here.settings.redis_url}

    def call(*arguments: str) -> Any:
        return CliRunner().invoke(cli, ["grid", *arguments], env=surroundings)

    found = json.loads(call("list", "--json").stdout)
    assert [(one["generation"], one["is_published"], one["oldest"], one["areas"]) for one in found] == [
        (2, True, "2023-11-01", ["southampton-core"]),
        (1, False, "2023-11-01", ["southampton-core"]),
    ]
    table = call("list").stdout.splitlines()
    assert table[0].split()[:5] == ["generation", "published", "months", "from", "to"]
    assert table[1].split()[:2] == ["2", "published"]
    refused = call("publish", "5")
    assert isinstance(refused.exception, GenerationRefused)
    asked = call("publish", "1")
    assert asked.exit_code == 0, asked.output
    assert rows(here.connection, "SELECT id, job, queue FROM runs") == [
        (asked.stdout.strip(), "publish_grid_generation", "maintenance")
    ]


def test_a_grid_of_the_version_before_is_the_first_that_can_come_back(here: Context, good: list[Any]) -> None:
    bad, counts = grid_of(here), rows(here.connection, COUNTED)
    schema.migrate(here.connection, "0028", discard=True)
    schema.migrate(here.connection)
    assert listed(here) == [(2, 4, 1100)]
    assert rows(here.connection, COUNTED) == [row for row in counts if row[:2] != BEFORE]
    hold(here.connection, "2023-12", BAD[:1])
    rebuild_safety_grid()
    publish_grid_generation(2)
    assert grid_of(here) == bad
