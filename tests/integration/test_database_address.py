"""What DATABASE_URL says besides host and name is kept, beside what every connection of ours carries."""

from collections.abc import Iterator
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import OperationalError

from jobs import catalogue, database
from tests.conftest import with_database
from tests.processes import REQUESTER
from tests.servers import DebianPostgres
from worker import ledger, performing, system
from worker.settings import Settings


def said_of(settings: Settings, *names: str, **options: bool) -> list[str]:
    """What the session of a new connection has for these settings of PostgreSQL."""
    engine = database.create(settings, **options)
    with engine.connect() as connection:
        found = [str(connection.scalar(text(f"SHOW {name}"))) for name in names]
    engine.dispose()
    return found


def with_options(settings: Settings, **query: str) -> Settings:
    written = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    return settings.model_copy(update={"database_url": f"{settings.database_url}&{written}"})


def test_options_are_added_to_ours_and_win_where_both_name_one(settings: Settings) -> None:
    given = with_options(settings, options="-csearch_path=foo -c timezone=Europe/London")
    assert said_of(given, "search_path", "timezone") == ["foo", "Europe/London"]
    assert said_of(given, "search_path", direct=False) == ["foo"]
    assert said_of(settings, "timezone") == ["UTC"]


def test_times_are_utc_whatever_the_session_has(settings: Settings) -> None:
    engine = database.create(with_options(settings, options="-c timezone=Asia/Tokyo"))
    with engine.connect() as connection:
        offsets = connection.execute(text("SELECT now(), NULL::timestamptz, '2024-07-01 12:00+09'::timestamptz")).one()
    engine.dispose()
    assert [str(one.tzinfo) if one else None for one in offsets] == ["UTC", None, "UTC"]
    assert f"{offsets[2]:%H:%M}" == "03:00"


@pytest.mark.parametrize("options", [{"direct": True}, {"direct": False}, {"pool": True}])
def test_the_application_name_is_kept(settings: Settings, options: dict[str, bool]) -> None:
    given = with_options(settings, application_name="somebody else's")
    assert said_of(given, "application_name", **options) == ["somebody else's"]
    assert said_of(settings, "application_name", **options) == ["safegrid"]


@pytest.mark.parametrize("given", ["", "somebody-else"])
def test_a_work_horse_is_named_after_its_run_unless_the_address_names_it(
    settings: Settings, connection: Connection, given: str
) -> None:
    chosen = with_options(settings, application_name=given) if given else settings
    run_id = ledger.submit(connection, catalogue.find("cleanup-history"), {}, REQUESTER).run_id
    engine, names = database.create(chosen), []
    event.listen(engine, "connect", lambda driver, _: names.append(driver.get_dsn_parameters()["application_name"]))
    performing.perform(chosen, run_id, "a worker", engine=engine)
    assert names[0] == (given or f"safegrid run {run_id}")


def test_the_time_to_connect_is_kept(settings: Settings) -> None:
    def parameters(chosen: Settings) -> dict[str, str]:
        engine = database.create(chosen)
        with engine.connect() as connection:
            found: dict[str, str] = connection.connection.dbapi_connection.get_dsn_parameters()
        engine.dispose()
        return found

    assert parameters(with_options(settings, connect_timeout="7"))["connect_timeout"] == "7"
    ours = parameters(settings)
    assert ours["connect_timeout"] == str(database.CONNECT_S)
    assert ours["tcp_user_timeout"] == "20000"


@pytest.mark.parametrize(
    ("query", "refusal"),
    [("sslmode=require", "does not support SSL"), ("target_session_attrs=standby", "not in hot standby mode")],
)
def test_what_libpq_understands_reaches_it(
    debian: DebianPostgres, settings: Settings, query: str, refusal: str
) -> None:
    host = f"127.0.0.1:{debian.port}" if "ssl" in query else ""
    address = f"postgresql+psycopg2://postgres@{host}/postgres?{query}"
    if not host:
        address += f"&host={debian.folder}&port={debian.port}"
    with pytest.raises(OperationalError, match=refusal):
        said_of(settings.model_copy(update={"database_url": address}), "timezone")


@pytest.fixture
def elsewhere(settings: Settings, administration: Connection) -> Iterator[Settings]:
    """Settings of an empty database, whose tables are to be in a schema of their own."""
    name = f"elsewhere_{uuid4().hex[:8]}"
    administration.execute(text(f"CREATE DATABASE {name}"))
    empty = settings.model_copy(update={"database_url": with_database(settings.database_url, name)})
    engine = database.create(empty)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA foo"))
    engine.dispose()
    yield with_options(empty, options="-csearch_path=foo")
    administration.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_tables_may_be_in_another_schema(elsewhere: Settings) -> None:
    system.migrate(elsewhere)
    engine = database.create(elsewhere)
    with engine.connect() as connection:
        run_id = ledger.submit(connection, catalogue.find("cleanup-history"), {}, REQUESTER).run_id
        performing.perform(elsewhere, run_id, "a worker")
        assert ledger.get(connection, run_id).state == "finished"
        tables = text("SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname IN ('foo', 'public')")
        assert connection.execute(tables).scalars().all() == ["foo"]
    engine.dispose()
