"""The source says whose land a place is; the stand-in says it of real places."""

from collections.abc import Iterator

import pytest
import requests

from jobs.http import SourceChanged, SourceUnavailable
from jobs.ingestion.police import Police
from tests.standins.police import PoliceStandin, Records
from tests.standins.police.catalogue import FORCES
from tests.standins.police.places import PLACES


@pytest.fixture
def standin() -> Iterator[PoliceStandin]:
    with PoliceStandin(Records([{"month": "2024-01"}]), rate=None) as standin:
        yield standin


@pytest.fixture
def police(standin: PoliceStandin) -> Police:
    return Police(standin.url, timeout_s=5, retry_wait_s=0.01)


@pytest.mark.parametrize(
    ("lat", "lng", "force"),
    [
        (53.4795, -2.2451, "greater-manchester"),
        (53.58, -2.43, "greater-manchester"),
        (53.4084, -2.9916, "merseyside"),
        (53.1934, -2.8931, "cheshire"),
        (51.5155, -0.0922, "city-of-london"),
        (51.4995, -0.1248, "metropolitan"),
        (54.5973, -5.9301, "northern-ireland"),
        (50.9097, -1.4044, "hampshire"),
        (51.8576, -4.3121, "dyfed-powys"),
        (55.9533, -3.1883, None),
        (54.0035, -6.4051, None),
        (50.0, -2.0, None),
        (0.0, 0.00001, None),
    ],
)
def test_a_place_is_of_its_force_and_the_sea_and_scotland_of_none(
    police: Police, lat: float, lng: float, force: str | None
) -> None:
    assert police.force_at(lat, lng) == force


def test_every_force_that_the_source_lists_has_a_place() -> None:
    assert FORCES.keys() <= {line.partition(":")[0] for line in PLACES.splitlines()}


@pytest.mark.parametrize("query", ["", "here", "50.9", "50.9,-1.4,3"])
def test_what_is_no_place_is_of_no_force(standin: PoliceStandin, query: str) -> None:
    assert requests.get(f"{standin.url}/locate-neighbourhood", params={"q": query}, timeout=5).status_code == 404


def test_a_fault_is_not_taken_for_the_sea(standin: PoliceStandin, police: Police) -> None:
    standin.fault("status:503", times=2)
    assert police.force_at(50.9, -1.4) == "hampshire"
    standin.fault("status:503", times=police.attempts)
    with pytest.raises(SourceUnavailable):
        police.force_at(50.9, -1.4)
    standin.fault("status:400")
    with pytest.raises(SourceChanged):
        police.force_at(50.9, -1.4)
