"""The job that fetches what weather is usual, within a day's calls."""

import datetime as dt

import numpy as np
import pytest
from sqlalchemy import text

from jobs.context import Context
from jobs.errors import Stopped
from jobs.http import SourceUnavailable
from jobs.scores import store
from jobs.scores.fill import fill_climatology
from jobs.scores.weather import climates
from jobs.scores.weather.places import Place
from tests.standins.weather import WeatherStandin, daily

PLACES = 18


def filled(here: Context) -> dict[str, dt.datetime]:
    with here.connection.begin():
        rows = here.connection.execute(text("SELECT place, fetched_at FROM place_climates")).all()
    return {row.place: row.fetched_at for row in rows}


def test_the_most_popular_places_come_first_and_the_rest_on_another_day(here: Context, weather: WeatherStandin) -> None:
    # Three quarters of it are six places' worth of five years.
    here.settings = here.settings.model_copy(update={"weather_daily_calls": 1100})
    result = fill_climatology()
    assert (result["status"], result["places_filled"], result["places_waiting"]) == ("budget_spent", 6, PLACES - 6)
    assert result["calls"] == pytest.approx(6 * 1826 / 14, abs=0.1)
    with here.connection.begin():
        first = list(
            dict.fromkeys(Place.at(r.latitude, r.longitude) for r in store.popular_routes(here.connection, 24))
        )
    assert set(filled(here)) == {str(place) for place in first[:6]}
    here.cache.flushall()  # a new day
    assert fill_climatology()["places_filled"] == 6
    assert len(filled(here)) == 12


def test_what_is_held_is_the_history_of_five_years(here: Context, weather: WeatherStandin) -> None:
    fill_climatology()
    place = Place(46.85, -121.76)
    with here.connection.begin():
        history = climates.read(here.connection, [place, Place(0, 0)])
    [call] = [call for call in weather.requests if "46.85" in call.parameters["latitude"].split(",")[:1]]
    first, last = (dt.date.fromisoformat(call.parameters[name]) for name in ("start_date", "end_date"))
    assert (last - first).days == 1825
    days = [first + dt.timedelta(days=day) for day in range(1826)]
    julys = [daily(*place, day)["temperature_2m_mean"] for day in days if day.month == 7]
    assert history.count[0, 6, 0] == len(julys)
    assert history.mean[0, 6, 0] == pytest.approx(np.mean(julys))
    assert history.std[0, 6, 0] == pytest.approx(np.std(julys))
    assert history.count[0, :, 3].sum() == 0  # no visibility is offered
    assert history.count[1].sum() == 0


def test_a_history_is_fetched_again_after_a_year(here: Context) -> None:
    fill_climatology()
    assert fill_climatology()["places_filled"] == 0
    with here.connection.begin():
        here.connection.execute(
            text("UPDATE place_climates SET fetched_at = now() - interval '366 days' WHERE place = '46.85,-121.76'")
        )
    assert fill_climatology()["places_filled"] == 1
    assert min(filled(here).values()) > dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)


@pytest.mark.parametrize("fault", ["nulls", "nulls:wind_speed_10m_max", f"nulls:@{','.join(map(str, range(200)))}"])
def test_a_history_that_lacks_too_many_days_is_none_and_asked_for_again(
    here: Context, weather: WeatherStandin, fault: str
) -> None:
    weather.fault(fault)  # in the first request, of the two most popular places
    result = fill_climatology()
    assert (result["status"], result["places_filled"], result["places_incomplete"]) == ("partial", PLACES - 2, 2)
    assert result["places_waiting"] == 2
    first = weather.requests[0].parameters["latitude"].split(",")
    with here.connection.begin():
        assert climates.read(here.connection, [Place(46.85, -121.76)]).count.sum() == 0
    before = len(weather.requests)
    result = fill_climatology()
    assert (result["status"], result["places_filled"]) == ("success", 2)
    assert [call.parameters["latitude"].split(",") for call in weather.requests[before:]] == [first]
    assert fill_climatology()["places_filled"] == 0
    with here.connection.begin():
        assert climates.read(here.connection, [Place(46.85, -121.76)]).count.sum() == 3 * 1826


def test_some_days_may_be_missing(here: Context, weather: WeatherStandin) -> None:
    weather.fault(f"nulls:@{','.join(map(str, range(10)))}", times=99)
    assert fill_climatology()["places_filled"] == PLACES


def test_places_that_lack_days_wait_behind_those_that_were_never_asked_for(
    here: Context, weather: WeatherStandin
) -> None:
    here.settings = here.settings.model_copy(update={"weather_daily_calls": 360})  # one request
    weather.fault("nulls")
    asked = []
    for _ in range(3):
        fill_climatology()
        asked.append(weather.requests[-1].parameters["latitude"] + weather.requests[-1].parameters["longitude"])
        here.cache.flushall()  # a new day
    assert len(set(asked)) == len(weather.requests) == 3


def test_an_old_history_stays_while_the_new_one_lacks_days(here: Context, weather: WeatherStandin) -> None:
    fill_climatology()
    place = Place(46.85, -121.76)
    with here.connection.begin():
        here.connection.execute(
            text(
                "UPDATE place_climates SET fetched_at = now() - interval '366 days', last_day = last_day - 366,"
                " first_day = first_day - 366 WHERE place = '46.85,-121.76'"
            )
        )
        before = climates.read(here.connection, [place])
    weather.fault("nulls", times=2)
    for _ in range(2):
        assert fill_climatology()["places_incomplete"] == 1
    with here.connection.begin():
        assert (climates.read(here.connection, [place]).mean == before.mean).all()
    assert fill_climatology()["places_filled"] == 1


def test_a_place_is_filled_however_few_calls_a_minute_has(here: Context, weather: WeatherStandin) -> None:
    with here.connection.begin():
        here.connection.execute(text("DELETE FROM routes WHERE route_id > 1"))
    here.settings = here.settings.model_copy(update={"weather_minute_calls": 50})
    assert fill_climatology()["places_filled"] == 1
    assert [call.places for call in weather.requests] == [1]


def test_an_outage_fails_the_run_and_keeps_what_came_before(here: Context, weather: WeatherStandin) -> None:
    stops = iter([False] * 3 + [True])
    here.is_stopping = lambda: next(stops)
    with pytest.raises(Stopped):
        fill_climatology()
    assert len(filled(here)) == 6
    here.is_stopping = lambda: False
    weather.fault("outage")
    with pytest.raises(SourceUnavailable):
        fill_climatology()
    weather.faults.clear()
    assert fill_climatology()["places_filled"] == PLACES - 6
