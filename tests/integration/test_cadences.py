"""Each occurrence of a cadence exactly once, whatever was down, registered again, or set to another time zone."""

import datetime as dt
import os
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from sqlalchemy import Connection, Engine, delete, func, select, update

from jobs import catalogue
from jobs.catalogue import Job
from jobs.models.runs import Cadence, Run
from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from worker import cadence, ledger, occurrences, pauses, transport
from worker.scheduler import SafegridScheduler, entry_id
from worker.settings import Settings

START = dt.datetime(2023, 1, 1, 0, 0, 30, tzinfo=dt.UTC)
YEARS = 5
HOUR = dt.timedelta(hours=1)
NAMES = (
    "ingest_latest_crime_data",
    "rebuild_safety_grid",
    "cleanup_old_route_history",
    "watch_for_release",
)


def jobs() -> dict[str, Job]:
    """Jobs with cadences of every kind: monthly, weekly, daily, every six hours."""
    found = {name: catalogue.find(name) for name in NAMES}
    return {**found, "do_nothing": with_cadence("do_nothing", "0 */6 * * *")}


def with_cadence(name: str, cron: str | None, **declared: object) -> Job:
    from dataclasses import replace

    return replace(catalogue.find(name), cron=cron, **declared)  # type: ignore[arg-type]


def expected(name: str, first: dt.datetime, last: dt.datetime) -> list[dt.datetime]:
    """The occurrences by plain counting of hours, with nothing of a cron library."""
    rules = {
        "ingest_latest_crime_data": lambda t: (t.day, t.hour) == (2, 2),
        "rebuild_safety_grid": lambda t: (t.day, t.hour) == (3, 3),
        "cleanup_old_route_history": lambda t: (t.isoweekday(), t.hour) == (7, 4),
        "watch_for_release": lambda t: t.hour == 5,
        "do_nothing": lambda t: t.hour % 6 == 0,
    }
    minute = 30 if name == "watch_for_release" else 0
    hour = first.replace(minute=minute, second=0, microsecond=0)
    hours = (hour + n * HOUR for n in range(int((last - hour) / HOUR) + 1))
    return [time for time in hours if rules[name](time) and first < time <= last]


def entered(connection: Connection, name: str) -> list[dt.datetime]:
    with connection.begin():
        return list(connection.scalars(select(Run.occurrence).where(Run.job == name).order_by(Run.occurrence)))  # type: ignore[arg-type]


def forget_all(connection: Connection) -> None:
    with connection.begin():
        connection.execute(delete(Run))
        connection.execute(delete(Cadence))


def end_all(connection: Connection) -> None:
    """Whatever was begun has ended before the next tick."""
    with connection.begin():
        connection.execute(update(Run).where(Run.ended_at.is_(None)).values(state="finished", ended_at=func.now()))


@pytest.fixture(params=["UTC", "Europe/London", "America/New_York"])
def _process_time_zone(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


# Most ticks come soon after the last; then there are downtimes of hours, days and months.
gaps = st.one_of(
    st.integers(1, 3600),
    st.integers(3600, 3 * 86_400),
    st.integers(86_400, 100 * 86_400),
)


@pytest.mark.usefixtures("_process_time_zone")
@hypothesis_settings(
    max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(seconds=st.lists(gaps, min_size=40, max_size=80), wiped=st.sets(st.integers(0, 79)))
def test_five_years_of_ticks_enter_each_occurrence_exactly_once(
    connection: Connection, seconds: list[int], wiped: set[int]
) -> None:
    forget_all(connection)
    known = jobs()
    now = START
    occurrences.reconcile(connection, known, now)
    for number, gap in enumerate(seconds):
        now += dt.timedelta(seconds=gap)
        if number in wiped:
            occurrences.reconcile(connection, known, now)
        occurrences.take_due(connection, known, now)
        end_all(connection)
    now = max(now, START + YEARS * dt.timedelta(days=365))
    occurrences.take_due(connection, known, now)
    for name in known:
        assert entered(connection, name) == expected(name, START, now), name


@pytest.mark.usefixtures("_process_time_zone")
@pytest.mark.parametrize(
    "day", [dt.date(2026, 3, 29), dt.date(2026, 10, 25), dt.date(2026, 3, 8), dt.date(2026, 11, 1)]
)
def test_no_hour_is_skipped_or_doubled_when_clocks_change(day: dt.date) -> None:
    midnight = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    times = cadence.times("0 * * * *", midnight, midnight + 24 * HOUR)
    assert times == [midnight + n * HOUR for n in range(25)]


def test_a_day_that_a_month_does_not_have_is_left_out() -> None:
    first = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    times = cadence.times("0 0 31 * *", first, dt.datetime(2026, 12, 31, tzinfo=dt.UTC))
    assert [time.month for time in times] == [1, 3, 5, 7, 8, 10, 12]
    assert all(earlier < later for earlier, later in pairwise(times))


def test_the_newest_missed_occurrence_is_made_up_for_and_the_others_say_why_not(connection: Connection) -> None:
    known = {"do_nothing": with_cadence("do_nothing", "0 */6 * * *")}
    occurrences.reconcile(connection, known, START)
    due = occurrences.take_due(connection, known, START + dt.timedelta(days=1))
    rows = ledger.latest(connection, 10)
    states = sorted((row.occurrence, row.state) for row in rows)
    assert [state for _, state in states] == ["skipped"] * 3 + ["waiting"]
    assert due == [row.id for row in rows if row.state == "waiting"]
    assert all("replaces it" in row.error for row in rows if row.state == "skipped")


def test_an_occurrence_missed_for_longer_than_the_window_is_skipped(connection: Connection) -> None:
    known = {"ingest_latest_crime_data": catalogue.find("ingest_latest_crime_data")}
    occurrences.reconcile(connection, known, START)
    assert occurrences.take_due(connection, known, dt.datetime(2023, 1, 20, tzinfo=dt.UTC)) == []
    [row] = ledger.latest(connection, 10)
    assert (row.state, "more than 7 days" in row.error) == ("skipped", True)


def test_an_occurrence_while_the_last_is_at_work_is_skipped_unless_the_job_overlaps(connection: Connection) -> None:
    known = {
        "do_nothing": with_cadence("do_nothing", "0 * * * *"),
        "lead": with_cadence("lead", "0 * * * *", overlaps=True),
    }
    occurrences.reconcile(connection, known, START)
    for hour in (1, 2):
        occurrences.take_due(connection, known, START + hour * HOUR)
    assert [row.state for row in ledger.latest(connection, 10, Run.job == "do_nothing")] == ["skipped", "waiting"]
    assert [row.state for row in ledger.latest(connection, 10, Run.job == "lead")] == ["waiting", "waiting"]


def test_a_paused_cadence_is_skipped_and_says_so(connection: Connection) -> None:
    known = {"do_nothing": with_cadence("do_nothing", "0 * * * *")}
    occurrences.reconcile(connection, known, START)
    pauses.pause(connection, "cadence", "do_nothing", "me")
    assert occurrences.take_due(connection, known, START + HOUR) == []
    pauses.resume(connection, "cadence", "do_nothing")
    assert len(occurrences.take_due(connection, known, START + 2 * HOUR)) == 1


def test_registering_again_keeps_what_is_due_and_follows_what_is_declared(connection: Connection) -> None:
    hourly = {"do_nothing": with_cadence("do_nothing", "0 * * * *"), "lead": with_cadence("lead", "0 * * * *")}
    occurrences.reconcile(connection, hourly, START)
    late = START + HOUR
    occurrences.reconcile(connection, hourly, late)
    assert set(occurrences.schedule(connection).values()) == {START.replace(hour=1, second=0)}
    daily = {"do_nothing": with_cadence("do_nothing", "0 12 * * *"), "lead": with_cadence("lead", None)}
    occurrences.reconcile(connection, daily, late)
    assert entered(connection, "do_nothing") == [START.replace(hour=1, second=0)]
    assert occurrences.schedule(connection) == {"do_nothing": START.replace(hour=12, second=0)}


def test_two_schedulers_at_once_enter_an_occurrence_once(engine: Engine, connection: Connection) -> None:
    from concurrent.futures import ThreadPoolExecutor

    known = {"do_nothing": with_cadence("do_nothing", "0 * * * *")}
    occurrences.reconcile(connection, known, START)

    def tick(_: int) -> list[str]:
        with engine.connect() as own:
            return occurrences.take_due(own, known, START + HOUR)

    with ThreadPoolExecutor(8) as pool:
        due = [run for runs in pool.map(tick, range(8)) for run in runs]
    assert len(due) == 1
    assert len(entered(connection, "do_nothing")) == 1


@pytest.fixture
def scheduler(engine: Engine, settings: Settings) -> Iterator[SafegridScheduler]:
    redis = transport.connect(settings)
    yield SafegridScheduler(engine, connection=redis)
    redis.close()


# rq-scheduler's own way to read a time; Python 3.12 and newer warn of it.
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning:rq_scheduler")
def test_the_entries_of_rq_scheduler_mirror_the_schedule_after_redis_was_wiped(
    scheduler: SafegridScheduler, connection: Connection
) -> None:
    scheduler.tick(connection, START)
    redis: Redis = scheduler.connection
    redis.flushall()
    scheduler.tick(connection, START)
    due = {job.id: when.replace(tzinfo=dt.UTC) for job, when in scheduler.get_jobs(with_times=True)}
    assert due[entry_id("ingest_latest_crime_data")] == dt.datetime(2023, 1, 2, 2, tzinfo=dt.UTC)
    assert set(due) == {entry_id(name) for name in occurrences.schedule(connection)}


def test_what_is_due_is_on_its_queue_after_the_tick(scheduler: SafegridScheduler, connection: Connection) -> None:
    scheduler.tick(connection, START)
    [run_id] = [
        run
        for run in scheduler.tick(connection, dt.datetime(2023, 1, 2, 2, 0, 1, tzinfo=dt.UTC))
        if ledger.get(connection, run).job == "ingest_latest_crime_data"
    ]
    assert transport.rq_id(run_id, 1) in transport.waiting_ids(scheduler.connection, "ingestion")


def test_a_scheduler_without_its_database_goes_on(settings: Settings) -> None:
    from jobs import database

    away = database.create(settings.model_copy(update={"database_url": "postgresql+psycopg2://x@127.0.0.1:1/x"}))
    assert SafegridScheduler(away, connection=transport.connect(settings)).enqueue_jobs() == []
