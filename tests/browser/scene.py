"""A Safegrid with a past to look at: months of crimes, runs that went well and did not, people."""

import datetime as dt
import json
import random
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from jobs import catalogue
from jobs.held import partitions
from jobs.months import add_months
from jobs.scores.days import days_from, today
from jobs.scores.fill import fill_climatology
from jobs.scores.warm import warm_popular_routes_cache
from tests.integration.warm import job_context, load_synthetic, with_weather
from tests.standins.weather import WeatherStandin
from worker import cadence
from worker.settings import Settings

AREA = "southampton-core"
CATEGORIES = ("violent-crime", "anti-social-behaviour", "shoplifting", "burglary", "public-order", "vehicle-crime")
_RUN = text(
    """
    INSERT INTO runs (id, job, queue, parameters, state, origin, requested_by, created_at, due_at, occurrence,
                      parent_id, started_at, ended_at, attempt, failures, result, error, log)
    VALUES (:id, :job, :queue, CAST(:parameters AS jsonb), :state, :origin, :by, :created_at, :due_at, :occurrence,
            :parent_id, :started_at, :ended_at, 1, :failures, CAST(:result AS json), :error, '[]')
    """
)
_ATTEMPT = text(
    """
    INSERT INTO attempts (run_id, number, worker, started_at, ended_at, outcome, error, traceback)
    VALUES (:run_id, 1, 'worker-1:4711', :started_at, :ended_at, :outcome, :error, NULL)
    """
)
_MONTH = text(
    """
    WITH run AS (
        INSERT INTO ingestion_runs (run_id, area, month, status, records, unplaced, requests, h3_resolution,
                                    categories, issues, source, started_at, ended_at)
        VALUES (:run_id, :area, :month, 'success', :records, :unplaced, 4, 10, CAST(:categories AS jsonb),
                CAST(:issues AS jsonb), 'https://data.police.uk/api', :at, :at)
        RETURNING id, area, month, records, unplaced, categories
    )
    INSERT INTO area_months (area, month, is_whole, records, unplaced, categories, ingestion_id)
    SELECT area, month, true, records, unplaced, categories, id FROM run
    """
)
_CRIMES = text(
    """
    INSERT INTO crime_incidents (month, category, point_id)
    SELECT :month, :category, 1 FROM generate_series(1, :n)
    """
)
_SUPPLIED = text(
    """
    INSERT INTO area_coverage (area, month, force, status, reason, placed, is_whole)
    VALUES (:area, :month, 'hampshire', :status, :reason, :records, false)
    """
)
_GENERATION = text(
    "INSERT INTO grid_generations (generation, made_at) VALUES (7, clock_timestamp()) "
    "ON CONFLICT (generation) DO UPDATE SET made_at = excluded.made_at"
)
_GRID = text(
    """
    WITH held AS (
        INSERT INTO held_months (month, fingerprint, h3_resolution, crimes) VALUES (:month, '', 10, :crimes)
    )
    INSERT INTO grid_months (month, fingerprint, generation, h3_resolution, cells, crimes, built_at)
    VALUES (:month, '', 7, 10, :cells, :crimes, :at)
    """
)


def add_run(connection: Connection, job: str, state: str, at: dt.datetime, seconds: float, **given: Any) -> str:
    """A run that began at `at` and took so long. Returns its id."""
    entry = catalogue.find(job)
    ended = state not in ("waiting", "queued", "started")
    values = {
        "id": str(uuid.uuid4()),
        "job": job,
        "queue": entry.queue,
        "parameters": json.dumps(given.pop("parameters", None) or {}),
        "state": state,
        "origin": "schedule" if given.get("occurrence") else "pipeline" if given.get("parent_id") else "form",
        "by": "schedule" if given.get("occurrence") else "night-shift",
        "created_at": at,
        "due_at": at,
        "occurrence": None,
        "parent_id": None,
        "started_at": None if state in ("waiting", "queued", "skipped") else at,
        "ended_at": at + dt.timedelta(seconds=seconds) if ended else None,
        "failures": int(state == "failed"),
        "result": None,
        "error": None,
        **given,
    }
    values["result"] = json.dumps(values["result"]) if values["result"] else None
    connection.execute(_RUN, values)
    if values["started_at"]:
        outcome = state if ended else None
        times = {"started_at": at, "ended_at": values["ended_at"], "outcome": outcome, "error": values["error"]}
        connection.execute(_ATTEMPT, {"run_id": values["id"], **times})
    return str(values["id"])


def paint(connection: Connection, now: dt.datetime) -> None:
    """Everything. The newest month held is three months before `now`."""
    chance = random.Random(7)
    newest = add_months(now.date().replace(day=1), -3)
    with connection.begin():
        connection.execute(
            text(
                "INSERT INTO areas (slug, name, boundary, is_box) VALUES ('winchester', 'Winchester', "
                "jsonb_build_object('type', 'Polygon', 'coordinates', '[[[-1.3,51],[-1.2,51],[-1.2,51.1],[-1.3,51]]]'"
                "::jsonb), true)"
            )
        )
        connection.execute(text("INSERT INTO area_points (area, point_id) VALUES (:area, 1)"), {"area": AREA})
        parent = _history(connection, newest, now, chance)
        _crimes(connection, newest, now, parent, chance)
        _set_aside(connection, newest)
        _cadences(connection, now)


def warm(settings: Settings, connection: Connection, folder: Path) -> None:
    """Routes whose scores are kept, but for some; afterwards nobody needs to ask for weather."""
    load_synthetic(connection, folder)
    with WeatherStandin() as weather, job_context(with_weather(settings, weather), connection) as here:
        # As the real service allows it, so that some places have no history yet.
        here.settings = here.settings.model_copy(update={"weather_daily_calls": 2000})
        fill_climatology()
        here.settings = here.settings.model_copy(update={"weather_daily_calls": 1e6})
        warm_popular_routes_cache()
        here.cache.delete(*(f"safety_score:{id_}:{day}" for id_ in (4, 17) for day in days_from(today(), 7)[3:]))


def _history(connection: Connection, newest: dt.date, now: dt.datetime, chance: random.Random) -> str:
    for name, job in catalogue.load().items():
        if not job.cron:
            continue
        longest = {"ingestion": 240, "maintenance": 20, "cache": 90}[job.queue]
        due = cadence.times(job.cron, now - dt.timedelta(days=75), now)[-30:]
        for index, one in enumerate(due):
            state = "failed" if index == len(due) - 9 else "skipped" if index == len(due) - 14 else "finished"
            error = {"failed": "JobError: https://data.police.uk/api did not respond in 60 s", "skipped": "Missed"}.get(
                state
            )
            result = {"released": str(add_months(newest, 1))} if name == "watch_for_release" else {"task": name}
            more = {"occurrence": one, "error": error, "result": result if state == "finished" else None}
            add_run(connection, name, state, one, longest * chance.uniform(0.5, 1.2), **more)
    for minutes in range(0, 20 * 60, 7):
        at = now - dt.timedelta(minutes=minutes + 20)
        waits = dt.timedelta(minutes=max(0, chance.gauss(10, 14)))
        job = chance.choice(["cleanup_old_route_history", "warm_popular_routes_cache", "validate_h3_grid_health"])
        run = add_run(connection, job, "finished", at, waits.total_seconds() + chance.uniform(4, 40))
        connection.execute(text("UPDATE runs SET started_at = created_at + :w WHERE id = :id"), {"w": waits, "id": run})
    parent = add_run(
        connection,
        "ingest_latest_crime_data",
        "finished",
        now - dt.timedelta(hours=3),
        204,
        result={"total_records": 3456},
    )
    built = add_run(
        connection,
        "rebuild_safety_grid",
        "finished",
        now - dt.timedelta(hours=2, minutes=56),
        12,
        parent_id=parent,
        parameters={"months": 12, "until": None, "force": False},
        result={
            "months_processed": 12,
            "cells_created": 10234,
            "statistics": {"unique_cells": 1203, "total_crimes": 41873},
        },
    )
    coverage = {"months_analyzed": 36, "missing_months": []}
    result = {"task": "validate_h3_grid_health", "health_status": "healthy", "coverage": coverage, "issues": []}
    at = now - dt.timedelta(hours=2, minutes=55)
    add_run(connection, "validate_h3_grid_health", "finished", at, 3, parent_id=built, result=result)
    return parent


def _crimes(connection: Connection, newest: dt.date, now: dt.datetime, parent: str, chance: random.Random) -> None:
    for back in range(36):
        month, total = add_months(newest, -back), 0
        for area, usual in ((AREA, 2600), ("winchester", 420)):
            if area == "winchester" and back > 20:
                continue
            records = int(usual * chance.uniform(0.78, 1.12))
            total += records
            issues = [{"issue": "fewer crimes than usual", "count": records}] if back == 4 else []
            values = {
                "area": area,
                "month": month,
                "records": records,
                "at": now - dt.timedelta(hours=3, days=30 * back),
            }
            status = {9: "partial", 14: "missing"}.get(back, "complete")
            reason = "As many as in the months around it" if status == "complete" else "The force changed its system"
            told = {"status": status, "reason": reason}
            connection.execute(_SUPPLIED, {"area": area, "month": month, "records": records, **told})
            shares = {category: records // (place + 3) for place, category in enumerate(CATEGORIES)}
            more = {"unplaced": records // 40, "issues": json.dumps(issues), "run_id": parent if not back else None}
            connection.execute(_MONTH, {**values, **more, "categories": json.dumps(shares)})
            partitions.ensure(connection, month)
            for category, n in shares.items() if not back else ():
                connection.execute(_CRIMES, {"month": month, "category": category, "n": n})
        connection.execute(_GRID, {"month": month, "cells": total // 3, "crimes": total, "at": now})
    connection.execute(_GENERATION)


def _set_aside(connection: Connection, newest: dt.date) -> None:
    record = json.dumps({"category": "hoverboard-theft", "month": f"{newest:%Y-%m}", "persistent_id": ""})
    connection.execute(
        text(
            "INSERT INTO set_aside_records (month, area, reason, record, category, latitude, longitude) "
            "SELECT :month, :area, 'unknown category hoverboard-theft', :record, 'hoverboard-theft', 50.9, -1.4 "
            "FROM generate_series(1, 3)"
        ),
        {"month": newest, "area": AREA, "record": record},
    )


def _cadences(connection: Connection, now: dt.datetime) -> None:
    for name, job in catalogue.load().items():
        if job.cron:
            values = {"job": name, "cron": job.cron, "next_due": cadence.next_time(job.cron, now)}
            connection.execute(
                text("INSERT INTO cadences VALUES (:job, :cron, :next_due) ON CONFLICT DO NOTHING"), values
            )
