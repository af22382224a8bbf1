"""What happens to months, grid and scores is noted with it: where one of the two is lost, so is the other."""

from typing import Any

import pytest

from jobs.context import Context
from jobs.grid import store as grid
from jobs.grid.publishing import publish_grid_generation
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.grid.weights import weigh
from jobs.ingestion.run import ingest_month_on_demand
from jobs.scores.warm import warm_popular_routes_cache
from tests.integration.crimes import change, scattered, served, unplaced
from tests.integration.events.sending import rows, subscribe


def told(here: Context) -> list[tuple[str, dict[str, Any]]]:
    """Kind and data of what was noted since the last time."""
    return [tuple(row) for row in rows(here.connection, "DELETE FROM events RETURNING kind, data")]


def test_months_and_grids_are_told_with_what_changed(here: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(here.connection, "https://example.org/hook")
    with served(here, [*scattered(), unplaced()]) as police:
        ingest_month_on_demand(2024, 1)
        ((kind, data),) = told(here)
        assert (kind, data["area"], data["month"]) == ("month_ingested", "southampton-core", "2024-01-01")
        assert (data["records"], data["unplaced"]) == (60, 1)
        ingest_month_on_demand(2024, 1)
        assert told(here) == []
        police.revise("2024-01", add=scattered(count=4, seed=2))
        ingest_month_on_demand(2024, 1)
    ((kind, data),) = told(here)
    assert (kind, data["difference"]["added"]) == ("month_revised", 4)
    with monkeypatch.context() as patched:
        patched.setattr(grid, "shape_cells", fail)
        with pytest.raises(RuntimeError):
            rebuild_safety_grid()
    assert told(here) == []
    rebuild_safety_grid()
    assert told(here) == [("grid_published", {"generation": 1, "months": ["2024-01-01"], "removed": []})]
    rebuild_safety_grid()
    assert told(here) == []
    weigh(here.connection, here.cache, "cambridge")
    assert told(here) == [("grid_published", {"generation": 2, "months": ["2024-01-01"], "removed": []})]
    change(here.connection, "UPDATE held_months SET fingerprint = 'revised'")
    rebuild_safety_grid()
    assert told(here) == [("grid_published", {"generation": 3, "months": ["2024-01-01"], "removed": []})]
    publish_grid_generation(2)
    assert told(here) == [("grid_published", {"generation": 4, "months": ["2024-01-01"], "removed": []})]


def fail(*_: object) -> None:
    raise RuntimeError("killed before the commit")


def test_warm_scores_are_told_once_for_a_run(here: Context) -> None:
    subscribe(here.connection, "https://example.org/hook", "scores_warmed")
    here.run_id = "a run whose end could not be written"
    for _ in range(2):
        warm_popular_routes_cache()
    ((kind, data),) = told(here)
    assert (kind, data["status"], data["total_warmed"]) == ("scores_warmed", "nothing_warmed", 0)
