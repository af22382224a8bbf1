"""The job that asks the source whose land the areas are."""

from typing import Any

import structlog

from jobs import areas, context, results
from jobs.areas import Area
from jobs.catalogue import job
from jobs.context import Context
from jobs.coverage import cells, changes, forces
from jobs.ingestion.police import Police
from jobs.ingestion.run import AreaSlug

log = structlog.get_logger("safegrid.coverage")

# Guildhall, London: land of a force since there are forces.
_LAND = (51.5155, -0.0922)


@job(
    queue="ingestion",
    slug="locate-forces",
    remedies={"forces_unknown": "Locate the forces"},
    result=results.ForcesLocated,
)
def locate_forces(area: AreaSlug = None) -> dict[str, Any]:
    """Ask the source which police force covers the land of the areas, once for each cell of resolution 6."""
    here = context.current()
    with here.connection.begin():
        wanted = [areas.find(here.connection, area)] if area else areas.all_areas(here.connection)
        places = {cell: at for one in wanted for cell, at in cells.unlocated(here.connection, one).items()}
    police = Police.of_run(here)
    problem = _locate(here, police, places) if places else ""
    found, differences = _forces(here, wanted)
    return {
        "task": "locate_forces",
        "cells": 0 if problem else len(places),
        "requests": police.asked,
        "areas": found,
        "differences": differences,
        "problem": problem,
    }


def _locate(here: Context, police: Police, places: dict[int, cells.Place]) -> str:
    """Each cell is kept at once, so that no later attempt asks for it again. Returns what kept us from asking."""
    if police.force_at(*_LAND) is None:
        log.warning("source_knows_no_land", source=police.base_url)
        return f"{police.base_url} returned no force for any cell: nothing was changed"
    for done, (cell, place) in enumerate(places.items(), 1):
        force = police.force_at(*place)
        with here.connection.begin():
            cells.keep(here.connection, cell, force)
        here.progress(done, len(places))
    return ""


def _forces(here: Context, wanted: list[Area]) -> tuple[dict[str, dict[str, float]], list[str]]:
    """{area: {force: share}} and what there is to say of areas that name others."""
    found: dict[str, dict[str, float]] = {}
    differences = []
    for one in wanted:
        with here.connection.begin():
            shares = found[one.slug] = forces.forces_of(here.connection, one)
            difference = forces.adopt(here.connection, one, shares)
            changes.add_up(here.connection, one)
        if difference:
            log.warning("area_names_other_forces", area=one.slug, difference=difference)
            differences.append(difference)
    return found, differences
