"""The process that tells: messages about findings, and pings. Each message at least once, by one process at a time."""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from jobs import database
from jobs.deadlines import within
from jobs.webhooks import DeliveryRefused
from worker.boundaries import boundary
from worker.findings.kinds import KINDS
from worker.findings.watch import Watch, away
from worker.settings import Settings
from worker.telling import pings, sending, store
from worker.telling.messages import Event, messages
from worker.telling.receivers import Receiver

log = structlog.get_logger("safegrid.alerts")

CHECK_S = 3.0
LONGEST_ROUND_S = 60.0
_PATIENCE_S = KINDS["postgresql_away"].patience_s


def tell(settings: Settings, connection: Connection, receiver: Receiver) -> int:
    """Tell one receiver what it is to know. Returns how many messages it took; none where another process tells it."""
    count = 0
    try:
        while _tell_next(settings, connection, receiver):
            count += 1
    except DeliveryRefused as error:
        store.refused(connection, receiver, str(error), error.retry_after_s)
        log.warning("alert_not_sent", receiver=receiver.name, error=str(error))
    return count


def _tell_next(settings: Settings, connection: Connection, receiver: Receiver) -> bool:
    """Whether there was a message, and the receiver took it. Each in a transaction: what was taken stays told."""
    with connection.begin():
        if not store.is_ours(connection, receiver):
            return False
        due = messages(store.due(connection, receiver), settings.admin_url)
        if not due:
            return False
        sending.send(settings, receiver, due[0])
        store.told(connection, receiver, due[0].events)
        store.taken(connection, receiver)
    return True


@dataclass
class Outage:
    """PostgreSQL is away, so nothing of it can be kept: this process tells of it by itself."""

    settings: Settings
    event: Event | None = None
    told: list[Receiver] = field(default_factory=list)

    def goes_on(self, error: OperationalError) -> None:
        """It is away. Told once to each receiver, after its patience."""
        if self.event is None:
            self.event = Event.unkept(away(error))
        if (dt.datetime.now(dt.UTC) - self.event.since).total_seconds() < _PATIENCE_S:
            return
        for receiver in self.settings.receivers:
            if receiver not in self.told and self.event.severity in receiver.severities:
                self._tell(receiver, self.event)

    def _tell(self, receiver: Receiver, event: Event) -> None:
        try:
            (message,) = messages([event], self.settings.admin_url)
            sending.send(self.settings, receiver, message)
            self.told.append(receiver)
        except DeliveryRefused as error:
            log.warning("alert_not_sent", receiver=receiver.name, error=str(error))

    def is_over(self, connection: Connection) -> None:
        """It is back: kept as a finding that passed, so that those who were told hear of that too."""
        if self.event is not None and self.told:
            store.keep_outage(connection, self.event, self.told)
        self.event, self.told = None, []


def go_round(settings: Settings, connection: Connection, watch: Watch) -> None:
    """Look, tell every receiver, ping. Raises sqlalchemy's errors where PostgreSQL is away."""
    with boundary("findings", connection):
        # Here too, so that somebody looks where no sweep goes round.
        watch.look(connection)
    for receiver in settings.receivers:
        with boundary("alerts", connection, receiver=receiver.name):
            if count := tell(settings, connection, receiver):
                log.info("alerted", receiver=receiver.name, messages=count)
    with boundary("pings", connection):
        pings.send_due(settings, connection)


def tell_forever(settings: Settings) -> None:
    """Every few seconds; what is away for a while is waited out."""
    engine = database.create(settings, application="safegrid alerts", longest_s=LONGEST_ROUND_S)
    watch, outage = Watch(settings), Outage(settings)
    while True:
        try:
            with engine.connect() as connection:
                store.forget_others(connection, names_of(settings.receivers))
                outage.is_over(connection)
                while True:
                    with within(connection, LONGEST_ROUND_S):
                        go_round(settings, connection, watch)
                    time.sleep(CHECK_S)
        except OperationalError as error:
            outage.goes_on(error)
            time.sleep(CHECK_S)
        except SQLAlchemyError as error:
            log.warning("alerts_failed", error=str(error).partition("\n")[0])
            time.sleep(CHECK_S)


def names_of(receivers: Sequence[Receiver]) -> list[str]:
    """By which they are kept."""
    return [receiver.name for receiver in receivers]
