"""In a database whose names are taken our tables are in a schema apart, and nothing of the other's is altered."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Connection, make_url, text

from jobs import database, placement, schema
from jobs.placement import SchemaOutOfReach, TablesElsewhere
from tests.integration.crimes import change
from tests.integration.moving.conftest import CRIMES, MONTHS
from tests.integration.moving.saferoute import read
from tests.processes import REQUESTER, run_command, safegrid, until
from tests.servers import DebianPostgres, pgbouncer
from tests.standins.police import PoliceStandin, Records
from tests.web.conftest import SECRETS
from web import create_app
from web.settings import Settings as WebSettings
from worker import system
from worker.client import Client
from worker.settings import Settings

TAKEN = "alembic_version, crime_categories, crime_incidents, ingestion_runs, route_history, safety_cells, users"
SCHEMAS = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = 'weight_schemes'"


def test_migrate_says_what_is_taken_and_where_our_tables_are(
    another: Settings, theirs: Connection, dump: Callable[[], list[str]]
) -> None:
    before = dump()
    done = run_command(another, "migrate")
    assert done.returncode == 0, done.stderr
    assert f"tables in schema public with names that Safegrid uses: {TAKEN}." in done.stderr
    assert "own tables are in schema safegrid" in done.stderr
    assert "SAFEGRID_HISTORY_TABLE=public.route_history" in done.stderr
    assert read(theirs, SCHEMAS) == [("safegrid",)]
    again = run_command(another, "migrate")
    assert (again.returncode, "Another application" in again.stderr) == (0, False)
    assert dump() == before


def test_their_alembic_version_is_not_taken_for_ours(another: Settings, theirs: Connection) -> None:
    engine = database.create(another)
    with engine.connect() as connection, pytest.raises(schema.SchemaOutOfDate):
        schema.check(connection)
    engine.dispose()


def test_every_process_works_in_the_schema_apart(
    another: Settings, theirs: Connection, dump: Callable[[], list[str]], tmp_path: Path
) -> None:
    before = dump()
    system.migrate(another)
    records = [
        {"month": one.month, "latitude": one.lat, "longitude": one.lng, "category": one.category} for one in CRIMES
    ]
    with PoliceStandin(Records(records), published=list(MONTHS), rate=None) as police:
        settings = another.model_copy(update={"police_api_base_url": police.url})
        with (
            Client(settings) as client,
            safegrid(settings, "worker", log=tmp_path / "worker"),
            safegrid(settings, "scheduler", log=tmp_path / "scheduler"),
        ):
            for month in MONTHS:
                parameters = {"year": int(month[:4]), "month": int(month[5:])}
                run = client.submit("ingest_month_on_demand", parameters, REQUESTER).run_id
                until(lambda run=run: client.run(run).state == "finished", "the month is ingested")
            run = client.submit("rebuild_safety_grid", {"months": 12}, REQUESTER).run_id
            until(lambda: client.run(run).state == "finished", "the grid is built")
            app = create_app(WebSettings(**{**settings.model_dump(), **SECRETS}))
            assert app.test_client().get("/readyz").status_code == 200
            app.extensions["safegrid_client"].close()
        doctor = run_command(settings, "doctor")
    assert "the tables are in schema safegrid" in doctor.stdout
    assert read(theirs, "SELECT count(*) FROM safegrid.crime_incidents") == [(len(CRIMES),)]
    assert read(theirs, "SELECT sum(crime_count_total) FROM safegrid.safety_cells") == [(len(CRIMES),)]
    assert dump() == before


def test_the_settings_may_name_the_schema(another: Settings, theirs: Connection) -> None:
    named = another.model_copy(update={"database_schema": "background"})
    system.migrate(named)
    assert read(theirs, SCHEMAS) == [("background",)]
    with pytest.raises(TablesElsewhere, match="SAFEGRID_DATABASE_SCHEMA is other, and the tables are in schema back"):
        system.migrate(another.model_copy(update={"database_schema": "other"}))


def test_a_database_of_our_own_keeps_its_schema(empty: Settings) -> None:
    assert system.migrate(empty)[1] == placement.Placement("public")
    assert system.migrate(empty)[1] == placement.Placement("public")


def test_one_taken_name_is_enough(empty: Settings) -> None:
    engine = database.create(empty)
    with engine.begin() as connection:
        connection.execute(text("CREATE VIEW events AS SELECT 1 AS one"))
    engine.dispose()
    assert system.migrate(empty)[1] == placement.Placement("safegrid", ["events"], "public")


@pytest.fixture
def limited(debian: DebianPostgres, another: Settings) -> Iterator[Settings]:
    """The same database, for a role that has no rights in it."""
    _as_superuser(debian, "CREATE ROLE limited LOGIN")
    yield another.model_copy(update={"database_url": another.database_url.replace("postgres@", "limited@", 1)})
    _as_superuser(debian, "DROP ROLE limited")


def _as_superuser(debian: DebianPostgres, statement: str) -> None:
    connection = psycopg2.connect(host=str(debian.folder), port=debian.port, user="postgres", dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def test_a_role_that_may_not_make_the_schema_is_told_how_it_comes_to_be(limited: Settings, theirs: Connection) -> None:
    with pytest.raises(SchemaOutOfReach, match="CREATE SCHEMA safegrid AUTHORIZATION"):
        system.migrate(limited)


def test_a_schema_that_was_made_for_the_role_is_enough(limited: Settings, theirs: Connection) -> None:
    change(theirs, "CREATE SCHEMA safegrid AUTHORIZATION limited")
    assert system.migrate(limited)[1].schema == "safegrid"
    change(theirs, "DROP OWNED BY limited")


def test_a_role_that_may_not_use_the_schema_is_told_which_right_it_lacks(
    limited: Settings, theirs: Connection, another: Settings
) -> None:
    system.migrate(another)
    with pytest.raises(SchemaOutOfReach, match="GRANT USAGE ON SCHEMA safegrid"), database.once(limited):
        pass


def test_behind_a_pooler_the_role_has_the_schema(beside: Settings, debian: DebianPostgres) -> None:
    name = str(make_url(beside.database_url).database)
    with pgbouncer(debian) as url:
        pooled = beside.model_copy(update={"database_url": url(name)})
        engine = database.create(pooled, pool=True)
        with pytest.raises(SchemaOutOfReach, match=r"ALTER ROLE .* SET search_path = safegrid"):
            engine.connect()
        engine.dispose()
    _as_superuser(debian, f"ALTER ROLE postgres IN DATABASE {name} SET search_path = safegrid")
    with pgbouncer(debian) as url:
        pooled = beside.model_copy(update={"database_url": url(name)})
        engine = database.create(pooled, pool=True)
        with engine.connect() as connection:
            schema.check(connection)
        engine.dispose()
    _as_superuser(debian, f"ALTER ROLE postgres IN DATABASE {name} RESET search_path")
