"""Whether everything that Safegrid needs is there, and what to do where it is not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from redis import RedisError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from jobs import database, placement, schema
from jobs.archive import opening, room
from jobs.archive.errors import ArchiveRefused
from jobs.deadlines import within
from jobs.errors import SafegridError
from jobs.ingestion.police import Police
from jobs.webhooks import DeliveryRefused
from worker import causes, junk, transport
from worker.findings.watch import RULES, Shown, Watch
from worker.settings import Settings
from worker.telling import messages, sending

# One try of this length for each thing that is away: somebody is waiting.
PATIENCE_S = 3
# For all that is read of the ledger; what waits longer waits in a connection that is frozen.
LONGEST_S = 20


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    what: str
    fine: bool
    words: str
    kind: str = ""
    """Of the finding that it tells of."""
    subject: str = ""


def examine(settings: Settings) -> Iterator[Line]:
    """Look at everything, each line as soon as it is known; nothing that is away stops the rest, or takes long."""
    looks: list[tuple[str, Callable[[Settings], Iterator[Line]]]] = [
        ("PostgreSQL", _database),
        ("Redis", _redis),
        ("Police API", _source),
        ("Alerts", _alerts),
    ]
    for what, look in looks:
        try:
            yield from look(settings)
        except (SafegridError, SQLAlchemyError, RedisError) as error:
            yield Line(what, False, causes.of(error), kind=_AWAY.get(what, ""))


_AWAY = {"PostgreSQL": "postgresql_away", "Redis": "redis_away"}


def _database(settings: Settings) -> Iterator[Line]:
    engine = database.create(settings, patience_s=PATIENCE_S)
    try:
        database.refuse_pooler(engine)
        with engine.connect() as connection, within(connection, LONGEST_S):
            with connection.begin():
                version = connection.scalar(text("SHOW server_version"))
                postgis = connection.scalar(text("SELECT to_regclass('cell_shapes') IS NOT NULL"))
                where = placement.current(connection)
            used = f"PostGIS {'is used' if postgis else 'is not used'}"
            yield Line("PostgreSQL", True, f"{version}, {used}, the tables are in schema {where}")
            schema.check(connection)
            yield Line("Tables", True, "match this version")
            yield from _findings(connection, settings)
            yield from _archives(connection, settings)
    finally:
        engine.dispose()


def _findings(connection: Connection, settings: Settings) -> Iterator[Line]:
    watch = Watch(settings)
    try:
        # Somebody has just put something right, and asks whether it is.
        found = watch.current(connection, at_once=True)
    finally:
        watch.close()
    is_away = any(one.kind == "redis_away" for one in found)
    for rule in RULES:
        of_rule = [one for one in found if one.rule == rule.name]
        yield from (_line(rule.what, one) for one in of_rule)
        if not (of_rule or (is_away and rule.needs_redis)):
            yield Line(rule.what, True, "nothing is wrong")
    yield from (_line("PostgreSQL", one) for one in found if one.rule is None)


def _line(what: str, one: Shown) -> Line:
    taken = f" Acknowledged by {one.acknowledged_by}." if one.is_acknowledged else ""
    fine = one.is_acknowledged or one.severity == "notice"
    return Line(
        what,
        fine,
        f"{one.cause} {one.remedy} ({one.severity} since {one.since:%Y-%m-%d %H:%M} UTC){taken}",
        one.kind,
        one.subject,
    )


def _archives(connection: Connection, settings: Settings) -> Iterator[Line]:
    """Whether there is room for what lies in the import folder."""
    free = room.free(connection)
    for path in sorted(settings.import_folder.glob("[!.]*.zip")):
        try:
            with opening.opened(path) as archive:
                needed = room.needed(archive.members)
        except ArchiveRefused as error:
            yield Line("Archive", False, str(error))
            continue
        there = "" if free is None else f"; {free / 2**30:.1f} GiB are free"
        words = f"{path.name} needs about {needed / 2**30:.1f} GiB in PostgreSQL{there}"
        yield Line("Archive", free is None or free > needed, words)


def _redis(settings: Settings) -> Iterator[Line]:
    with transport.impatient(settings.redis_url, PATIENCE_S) as store:
        yield Line("Redis (cache)", True, f"{store.info('server').get('redis_version')} responds")
    with transport.impatient(settings.queue_redis_url, PATIENCE_S) as queues:
        yield Line("Redis (queues)", True, f"{queues.info('server').get('redis_version')} responds")
        dropped = junk.counts(queues)
        words = ", ".join(f"{count} of kind {kind}" for kind, count in dropped.items())
        yield Line("Junk in Redis", True, f"{words}: dropped, see the logs" if words else "none")


def _source(settings: Settings) -> Iterator[Line]:
    months = replace(Police.of(settings), timeout_s=PATIENCE_S, attempts=1).months()
    yield Line("Police API", True, f"offers {months[-1]:%Y-%m} to {months[0]:%Y-%m}")


def _alerts(settings: Settings) -> Iterator[Line]:
    for receiver in settings.receivers:
        yield Line("Messages", True, f"{receiver.least} and worse go to {receiver.name}, as {receiver.form}")
    if not settings.receivers:
        yield Line("Messages", True, "have no receiver: ALERT_WEBHOOK_URL is not set")


def test_alerts(settings: Settings) -> Iterator[Line]:
    """Send every receiver a message that says that it is a test."""
    for receiver in settings.receivers:
        try:
            sending.send(settings, receiver, messages.test_message(receiver.name))
            yield Line("Test message", True, f"{receiver.name} accepted it")
        except DeliveryRefused as error:
            yield Line("Test message", False, str(error))
    if not settings.receivers:
        yield Line("Test message", False, "no receiver: set ALERT_WEBHOOK_URL or SAFEGRID_ALERT_RECEIVERS")
