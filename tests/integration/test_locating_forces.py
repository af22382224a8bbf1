"""Whose land the areas are is asked for once, cell by cell, and an area's forces follow from it."""

from collections.abc import Iterator

import h3
import pytest

from jobs import areas
from jobs.areas import Area, from_box, from_geojson
from jobs.context import Context
from jobs.coverage import cells, forces
from jobs.coverage.locate import locate_forces
from jobs.errors import Stopped
from jobs.held import land
from jobs.http import SourceUnavailable
from tests.integration.crimes import change, crime, rows, served
from tests.standins.police import PoliceStandin

MANCHESTER = from_box("manchester", "Manchester", (53.35, -2.55, 53.65, -2.0), ())
CALL = "locate-neighbourhood"
# The question whether the source knows any land.
CANARY = 1


@pytest.fixture
def police(here: Context) -> Iterator[PoliceStandin]:
    with served(here, [crime()]) as police:
        yield police


def hold(here: Context, area: Area) -> Area:
    with here.connection.begin():
        land.add(here.connection, area)
    return found(here, area.slug)


@pytest.fixture(autouse=True)
def _nothing_located(here: Context) -> None:
    change(here.connection, "DELETE FROM force_cells")


def found(here: Context, slug: str) -> Area:
    with here.connection.begin():
        return areas.find(here.connection, slug)


def shares(here: Context, area: Area) -> dict[str, float]:
    with here.connection.begin():
        return forces.forces_of(here.connection, area)


def test_an_area_without_forces_gets_those_of_its_land(here: Context, police: PoliceStandin) -> None:
    hold(here, MANCHESTER)
    result = locate_forces("manchester")
    share = result["areas"]["manchester"]
    assert share == shares(here, MANCHESTER)
    assert next(iter(share)) == "greater-manchester"
    assert share["greater-manchester"] > 0.7
    assert sum(share.values()) == pytest.approx(1)
    assert {"cheshire", "merseyside"} & share.keys()
    assert found(here, "manchester").forces == tuple(sorted(share))
    inside = cells.inside(MANCHESTER)
    ring = cells.around(MANCHESTER)
    assert result["cells"] == len(inside) + len(ring) == len(police.calls(CALL)) - CANARY
    asked = {call.parameters["q"] for call in police.calls(CALL)}
    assert {f"{lat:.6f},{lng:.6f}" for lat, lng in inside.values()} < asked


def test_forces_that_somebody_gave_stay_and_the_difference_is_said(here: Context, police: PoliceStandin) -> None:
    hold(here, from_box("docks", "Docks", (53.35, -3.1, 53.5, -2.9), ("hampshir", "btp")))
    result = locate_forces("docks")
    assert set(found(here, "docks").forces) == {"hampshir", "btp"}
    assert result["differences"] == [
        "The forces of docks are btp, hampshir, but merseyside also cover its land; hampshir cover none of it. "
        "To correct them: `safegrid force adopt docks`"
    ]
    assert locate_forces("southampton-core")["differences"] == []


def test_no_cell_is_asked_for_twice_not_after_a_stop_nor_a_fault_either(here: Context, police: PoliceStandin) -> None:
    hold(here, MANCHESTER)
    wanted = len(cells.inside(MANCHESTER)) + len(cells.around(MANCHESTER))
    here.is_stopping = lambda: len(police.calls(CALL)) > 10
    with pytest.raises(Stopped):
        locate_forces("manchester")
    here.is_stopping = lambda: False
    assert len(rows(here.connection, "SELECT * FROM force_cells")) == 11 - CANARY
    here.settings = here.settings.model_copy(update={"retry_wait_s": 0})
    police.fault("outage", path=CALL)
    with pytest.raises(SourceUnavailable):
        locate_forces("manchester")
    police.clear_faults()
    police.forget_requests()
    assert locate_forces("manchester")["cells"] == wanted - (11 - CANARY)
    police.forget_requests()
    assert (locate_forces("manchester")["cells"], police.calls(CALL)) == (0, [])


def test_an_area_without_the_centre_of_a_cell_is_of_the_force_of_its_own_point(
    here: Context, police: PoliceStandin
) -> None:
    corner = h3.cell_to_boundary(h3.latlng_to_cell(51.515, -0.09, 6))[0]
    sides = (corner[0] - 0.001, corner[1] - 0.001, corner[0] + 0.001, corner[1] + 0.001)
    small = hold(here, from_box("small", "Small", sides, ()))
    assert len(cells.inside(small)) == 1
    locate_forces("small")
    (at,) = cells.inside(small).values()
    assert at == pytest.approx(corner, abs=0.001)
    assert f"{at[0]:.6f},{at[1]:.6f}" in {call.parameters["q"] for call in police.calls(CALL)}
    assert shares(here, small) == {"metropolitan": 1.0}


def test_a_source_that_does_not_know_the_call_makes_no_land_the_sea(here: Context, police: PoliceStandin) -> None:
    hold(here, MANCHESTER)
    police.fault("status:404", path=CALL, times=1)
    result = locate_forces("manchester")
    assert "returned no force for any cell" in result["problem"]
    assert (result["cells"], rows(here.connection, "SELECT * FROM force_cells")) == (0, [])
    assert found(here, "manchester").forces == ()
    assert locate_forces("manchester")["problem"] == ""


def test_the_sea_and_scotland_are_of_no_force_and_are_not_asked_for_again(here: Context, police: PoliceStandin) -> None:
    edinburgh = hold(here, from_box("edinburgh", "Edinburgh", (55.85, -3.4, 56.0, -3.0), ()))
    assert locate_forces("edinburgh")["areas"] == {"edinburgh": {}}
    assert found(here, "edinburgh").forces == ()
    assert locate_forces("edinburgh")["cells"] == 0
    assert shares(here, edinburgh) == {}


def test_all_of_a_force_s_land_is_inside_where_no_cell_beside_is_its(here: Context, police: PoliceStandin) -> None:
    wales = hold(here, from_box("wales", "Wales", (51.2, -5.8, 53.0, -2.8), ()))
    with here.connection.begin():
        assert forces.whole(here.connection, wales) == set()
    locate_forces("wales")
    with here.connection.begin():
        whole = forces.whole(here.connection, wales)
        named = set(forces.forces_of(here.connection, wales))
    assert {"dyfed-powys", "south-wales"} <= whole
    assert named - whole >= {"north-wales", "west-mercia", "avon-and-somerset"}


def test_what_a_person_says_of_a_cell_stays(here: Context, police: PoliceStandin) -> None:
    triangle = {"type": "Polygon", "coordinates": [[[-2.4, 53.4], [-2.1, 53.4], [-2.2, 53.6], [-2.4, 53.4]]]}
    area = hold(here, from_geojson("triangle", "Triangle", triangle, ()))
    cell = h3.int_to_str(next(iter(cells.inside(area))))
    with here.connection.begin():
        cells.overrule(here.connection, cell, "kent")
    locate_forces("triangle")
    assert "kent" in found(here, "triangle").forces
    with here.connection.begin():
        cells.overrule(here.connection, cell, None)
    assert "kent" not in shares(here, area)
    known = "SELECT force, is_overruled FROM force_cells WHERE cell = :cell"
    assert rows(here.connection, known, cell=h3.str_to_int(cell)) == [(None, True)]


def test_an_island_of_a_force_is_not_all_of_its_land(here: Context) -> None:
    scilly = hold(here, from_box("scilly", "Scilly", (49.85, -6.42, 50.0, -6.22), ()))
    with here.connection.begin():
        for cell in cells.unlocated(here.connection, scilly):
            cells.keep(here.connection, cell, "devon-and-cornwall" if cell in cells.inside(scilly) else None)
        assert forces.of_land(here.connection, scilly) == ["devon-and-cornwall"]
        assert forces.whole(here.connection, scilly) == set()
