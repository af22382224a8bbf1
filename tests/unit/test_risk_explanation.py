from dataclasses import astuple

import numpy as np
import pytest

from jobs.scores.model import colour
from jobs.scores.risk.explanation import explain
from jobs.scores.risk.risk import score
from tests.unit.warming_outlooks import random_outlook

FACTORS = ("distance", "age", "elevation", "kind", "severity", "grade", "weather")


@pytest.fixture(scope="module")
def outlook():
    return random_outlook(21, routes=10, accidents=200)


def test_an_explanation_repeats_the_risk_and_its_colour(outlook):
    risk = score(outlook)
    for route in range(10):
        told = explain(outlook, route, 1)
        assert told.risk == pytest.approx(risk[route, 1], abs=1e-9)
        assert told.colour == str(colour(risk[route, 1]))


def test_all_contributions_together_are_the_uncapped_risk(outlook):
    told = explain(outlook, 0, 0, top=1000)
    assert len(told.largest) == told.contributing
    assert sum(part.contribution for part in told.largest) == pytest.approx(told.uncapped)


def test_the_largest_come_first_and_no_more_than_asked_for(outlook):
    parts = explain(outlook, 3, 2, top=5).largest
    assert len(parts) == 5
    assert [part.contribution for part in parts] == sorted((part.contribution for part in parts), reverse=True)


def test_a_contribution_is_7_times_the_product_of_its_factors(outlook):
    for part in explain(outlook, 4, 0).largest:
        assert part.contribution == pytest.approx(7 * np.prod([getattr(part, name) for name in FACTORS]))
        assert part.weather == pytest.approx(part.similarity**3)


def test_an_explanation_is_made_of_plain_numbers(outlook):
    told = explain(outlook, 2, 2)
    assert {type(value) for part in told.largest for value in astuple(part)} == {int, float}
    assert type(told.risk) is float
