"""The scores over HTTP."""

import datetime as dt
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from jobs.scores.days import today
from tests.integration.warm import load_synthetic, with_weather
from tests.standins.weather import WeatherStandin
from web import create_app
from web.settings import Settings as WebSettings
from worker.settings import Settings

TOKEN = {"Authorization": "Bearer token-of-the-tests"}


@pytest.fixture
def web_settings(settings: Settings, weather: WeatherStandin, tmp_path: Path) -> WebSettings:
    asked = with_weather(settings, weather)
    values = {**asked.model_dump(), "admin_api_token": "token-of-the-tests", "home": tmp_path / "home"}
    return WebSettings(**values)


@pytest.fixture
def client(web_settings: WebSettings, connection: Connection, tmp_path: Path) -> FlaskClient:
    load_synthetic(connection, tmp_path / "climbing")
    return create_app(web_settings).test_client()


def test_a_score_is_answered_as_it_is_kept(client: FlaskClient) -> None:
    answer = client.get("/api/v1/routes/5/safety", headers=TOKEN)
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert (answer.json["route_id"], answer.json["target_date"]) == (5, str(today()))
    again = client.get(f"/api/v1/routes/5/safety?date={today()}", headers=TOKEN)
    assert again.data == answer.data


def test_routes_are_found_by_id_and_by_name(client: FlaskClient) -> None:
    def found(**query: str | int) -> list[dict[str, object]]:
        answer = client.get("/api/v1/routes", query_string=query, headers=TOKEN)
        assert answer.status_code == 200
        return list(answer.json["routes"])

    five = found(q="5")[0]
    assert five["route_id"] == 5
    name = str(five["name"])
    assert 5 in {route["route_id"] for route in found(q=name.upper(), limit=500)}
    everything = found(limit=500)
    assert [route["name"] for route in everything] == sorted(str(route["name"]) for route in everything)
    assert found(limit=2, offset=2) == everything[2:4]
    assert found(q="nowhere to be found") == []
    assert client.get("/api/v1/routes?q=%00", headers=TOKEN).status_code == 422


def test_many_scores_come_in_the_order_of_the_ids(client: FlaskClient) -> None:
    day = str(today() + dt.timedelta(days=6))
    asked = {"route_ids": [9, 3, 999, 7], "date": day}
    answer = client.post("/api/v1/routes/safety", json=asked, headers=TOKEN)
    assert answer.status_code == 200
    assert [score["route_id"] for score in answer.json["scores"]] == [9, 3, 7]
    assert {score["target_date"] for score in answer.json["scores"]} == {day}
    assert answer.json["missing"] == {"999": "There is no route 999"}


def test_many_scores_may_come_by_risk(client: FlaskClient) -> None:
    asked = {"route_ids": [60, 1, 30, 11, 41], "order": "risk"}
    scores = client.post("/api/v1/routes/safety", json=asked, headers=TOKEN).json["scores"]
    risks = [score["risk_uncapped"] for score in scores]
    assert risks == sorted(risks, reverse=True)
    assert [score["route_id"] for score in scores] != asked["route_ids"]
    wrong = client.post("/api/v1/routes/safety", json=asked | {"order": "name"}, headers=TOKEN)
    assert wrong.status_code == 422


def test_many_scores_of_several_days_come_by_route_and_day(client: FlaskClient) -> None:
    days = [str(today() + dt.timedelta(days=number)) for number in range(7)]
    week = client.post("/api/v1/routes/scores", json={"route_ids": [9, 999, 3]}, headers=TOKEN)
    assert week.status_code == 200
    places = [(score["route_id"], score["target_date"]) for score in week.json["scores"]]
    assert places == [(route_id, day) for route_id in (9, 3) for day in days]
    assert (week.json["target_dates"], week.json["missing"]) == (days, {"999": "There is no route 999"})
    some = client.post(
        "/api/v1/routes/scores", json={"route_ids": [3, 9], "dates": [days[6], days[1], days[6]]}, headers=TOKEN
    )
    by_place = dict(zip(places, week.json["scores"], strict=True))
    assert some.json["scores"] == [by_place[route_id, day] for route_id in (3, 9) for day in (days[6], days[1])]
    # Each is what one route on one day is answered with.
    one = client.get(f"/api/v1/routes/9/safety?date={days[4]}", headers=TOKEN)
    assert one.json == by_place[9, days[4]]


@pytest.mark.parametrize("days", [[], ["tomorrow"], ["2020-01-01"], "2020-01-01", [1]])
def test_several_days_of_which_one_is_none_are_422(client: FlaskClient, days: object) -> None:
    answer = client.post("/api/v1/routes/scores", json={"route_ids": [5], "dates": days}, headers=TOKEN)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")


def test_routes_are_a_map_with_their_colours(client: FlaskClient, connection: Connection) -> None:
    first = connection.execute(text("SELECT * FROM routes WHERE route_id = 5")).one()
    connection.execute(text("UPDATE routes SET latitude = NULL WHERE route_id = 7"))
    connection.commit()
    answer = client.get("/api/v1/routes/geojson?limit=1000", headers=TOKEN)
    assert (answer.status_code, answer.content_type) == (200, "application/geo+json")
    features = {feature["id"]: feature for feature in answer.json["features"]}
    assert features[5]["geometry"] == {"type": "Point", "coordinates": [first.longitude, first.latitude]}
    score = client.get("/api/v1/routes/5/safety", headers=TOKEN).json
    assert features[5]["properties"].items() >= {**score, "mountain_name": first.mountain_name}.items()
    assert (7 in features, answer.json["has_more"], answer.json["missing"]) == (False, False, {})
    few = client.get("/api/v1/routes/geojson?limit=2", headers=TOKEN).json
    assert ([one["id"] for one in few["features"]], few["has_more"]) == (list(features)[:2], True)
    around = f"{first.latitude - 1e-6},{first.longitude - 1e-6},{first.latitude + 1e-6},{first.longitude + 1e-6}"
    near = client.get(f"/api/v1/routes/geojson?bbox={around}", headers=TOKEN).json["features"]
    assert 5 in [one["id"] for one in near]
    assert len(near) < len(features)
    named = client.get(f"/api/v1/routes/geojson?q={first.name}", headers=TOKEN).json["features"]
    assert {one["properties"]["route_name"] for one in named} == {first.name}


def test_an_explanation_names_accidents_and_the_source_of_the_weather(client: FlaskClient) -> None:
    answer = client.get("/api/v1/routes/5/safety/explain", headers=TOKEN)
    assert answer.status_code == 200
    assert len(answer.json["largest_contributions"]) == 10
    assert "CC BY 4.0" in answer.json["attribution"]


@pytest.mark.parametrize("path", ["/api/v1/routes/999/safety", "/api/v1/routes/999/safety/explain"])
def test_an_unknown_route_is_404(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers=TOKEN)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert answer.json["detail"] == "There is no route 999"


@pytest.mark.parametrize("day", ["2020-01-01", "tomorrow", ""])
def test_a_day_outside_the_window_is_422(client: FlaskClient, day: str) -> None:
    for answer in (
        client.get(f"/api/v1/routes/5/safety?date={day}", headers=TOKEN),
        client.post("/api/v1/routes/safety", json={"route_ids": [5], "date": day}, headers=TOKEN),
    ):
        assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
        assert f"from {today()}" in answer.json["errors"]["date"]


@pytest.mark.parametrize("ids", [None, "5", ["five"], [*range(1001)], [2**40]])
def test_wrong_ids_are_422(client: FlaskClient, ids: object) -> None:
    answer = client.post("/api/v1/routes/safety", json={"route_ids": ids}, headers=TOKEN)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert any(name.startswith("route_ids") for name in answer.json["errors"])


def test_reading_needs_a_token_unless_it_is_public(
    client: FlaskClient, web_settings: WebSettings, weather: WeatherStandin
) -> None:
    assert client.get("/api/v1/routes/5/safety").status_code == 401
    public = create_app(web_settings.model_copy(update={"public_read": True})).test_client()
    assert public.get("/api/v1/routes/5/safety").status_code == 200
    assert public.get("/api/v1/routes/5/safety/explain").status_code == 200


def test_with_redis_away_a_score_is_still_answered(client: FlaskClient, web_settings: WebSettings) -> None:
    away = create_app(web_settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})).test_client()
    answer = away.get("/api/v1/routes/5/safety", headers=TOKEN)
    assert (answer.status_code, answer.json["route_id"]) == (200, 5)
