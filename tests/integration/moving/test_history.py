"""The clean-up works on the table in which the application keeps people's routes."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from jobs import cache, context, database, history
from jobs.cleanup import cleanup_old_route_history
from jobs.context import Context
from jobs.errors import Stopped
from jobs.history import HistoryNotFound
from tests.integration.crimes import change
from tests.integration.moving.saferoute import USER, read
from worker.settings import Settings

NAMED = {"history_table": "public.route_history"}
AGES = "SELECT extract(day FROM now() - created_at)::int, deleted_at IS NULL FROM public.route_history"


@pytest.fixture
def another(beside: Settings) -> Settings:
    """Where SafeRoute's connection goes to, too."""
    return beside


@pytest.fixture
def here(another: Settings, theirs: Connection) -> Iterator[Context]:
    """The context of a job beside SafeRoute, whose history it is to clean up."""
    engine, store = database.create(another), cache.connect(another)
    chosen = another.model_copy(update=NAMED)
    with engine.connect() as connection, store, context.use(Context(chosen, connection, store)) as made:
        yield made
    engine.dispose()


def choose(here: Context, **values: Any) -> None:
    here.settings = here.settings.model_copy(update=values)


def live(theirs: Connection) -> Counter[int]:
    """{age in days: routes that the application still shows}, as it asks for them."""
    query = f"{AGES} WHERE deleted_at IS NULL AND user_id = :user"
    return Counter(age for age, _ in read(theirs, query, user=USER))


def test_the_applications_own_history_is_soft_deleted(here: Context, theirs: Connection) -> None:
    assert cleanup_old_route_history()["records_deleted"] == 20
    assert live(theirs) == {1: 10, 30: 10, 89: 10}
    assert cleanup_old_route_history()["records_deleted"] == 0


def test_a_dry_run_counts_and_deletes_nothing(here: Context, theirs: Connection) -> None:
    choose(here, history_purge_days=365)
    told = cleanup_old_route_history(dry_run=True)
    assert (told["dry_run"], told["records_deleted"], told["records_purged"]) == (True, 20, 5)
    assert len(read(theirs, AGES)) == 60
    assert live(theirs).total() == 50


def test_what_was_soft_deleted_long_ago_is_deleted_for_good_where_that_is_set(
    here: Context, theirs: Connection
) -> None:
    assert cleanup_old_route_history()["records_purged"] is None
    assert len(read(theirs, AGES)) == 60
    choose(here, history_purge_days=365)
    here.state = {}
    assert cleanup_old_route_history()["records_purged"] == 5
    assert len(read(theirs, AGES)) == 55


def test_a_run_that_was_stopped_counts_all_that_it_deleted_for_good(
    here: Context, theirs: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BATCH", 2)
    choose(here, history_purge_days=365)
    kept: list[dict[str, Any]] = []
    here.save_checkpoint = kept.append
    here.is_stopping = lambda: True
    with pytest.raises(Stopped):
        cleanup_old_route_history()
    assert len(read(theirs, AGES)) == 58
    here.is_stopping, here.state = lambda: False, kept[-1]
    assert cleanup_old_route_history()["records_purged"] == 5


def test_two_tables_of_the_name_are_not_guessed_between(here: Context, theirs: Connection) -> None:
    choose(here, history_table="route_history")
    with pytest.raises(HistoryNotFound, match=r"SAFEGRID_HISTORY_TABLE to public\.route_history, or to safegrid\."):
        cleanup_old_route_history()
    assert live(theirs).total() == 50
    choose(here, history_table="safegrid.route_history")
    assert cleanup_old_route_history()["records_deleted"] == 0


def test_other_names_of_columns_and_times_without_a_zone_will_do(here: Context, theirs: Connection) -> None:
    change(
        theirs,
        "CREATE TABLE trips AS SELECT id::text AS key, created_at AT TIME ZONE 'UTC' AS asked, "
        "deleted_at AT TIME ZONE 'UTC' AS gone FROM route_history",
    )
    choose(here, history_table="public.trips", history_columns=("key", "asked", "gone"))
    result = cleanup_old_route_history()
    assert result["records_deleted"] == 20
    gone = read(theirs, "SELECT max(gone) FROM trips")[0][0].replace(tzinfo=dt.UTC)
    assert abs(gone - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"history_table": "public.nowhere"}, "There is no table public.nowhere"),
        ({"history_columns": ("id", "created", "deleted_at")}, "has no column created"),
        ({"history_columns": ("id", "mode", "deleted_at")}, "of type character varying, and must be a timestamp"),
    ],
)
def test_a_table_that_is_not_as_the_settings_say_is_named(
    here: Context, theirs: Connection, values: dict[str, Any], problem: str
) -> None:
    choose(here, **values)
    with pytest.raises(HistoryNotFound, match=problem):
        cleanup_old_route_history()
    assert live(theirs).total() == 50


def test_a_role_that_may_not_delete_is_told_which_right_it_lacks(here: Context, theirs: Connection) -> None:
    change(theirs, "CREATE ROLE reader")
    change(theirs, "GRANT SELECT ON route_history TO reader")
    change(here.connection, "SET SESSION AUTHORIZATION reader")
    try:
        with pytest.raises(HistoryNotFound, match=r"GRANT SELECT, UPDATE, DELETE ON public\.route_history"):
            cleanup_old_route_history()
    finally:
        change(here.connection, "RESET SESSION AUTHORIZATION")
        change(theirs, "DROP OWNED BY reader")
        change(theirs, "DROP ROLE reader")


def test_settings_name_a_table_and_three_columns() -> None:
    with pytest.raises(ValueError, match="must be a PostgreSQL name"):
        Settings(SAFEGRID_HISTORY_TABLE='public."; DROP TABLE runs"')  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="expected three names"):
        Settings(SAFEGRID_HISTORY_COLUMNS="id,created_at")  # type: ignore[call-arg]
    chosen = Settings(SAFEGRID_HISTORY_TABLE="app.trips", SAFEGRID_HISTORY_COLUMNS="key, asked, gone")  # type: ignore[call-arg]
    assert (chosen.history_table, chosen.history_columns) == ("app.trips", ("key", "asked", "gone"))
