"""Whether the web can do its work, for the platform."""

from collections.abc import Callable
from typing import Any

import redis
import sqlalchemy
from flask import Blueprint, Flask, current_app, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from jobs import database, schema
from web.http.clients import client, settings_of
from web.settings import Settings

# Platforms wait a few seconds for a health check: it must say no before that.
TIMEOUT_S = 2

bp = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    """Connections of its own, one each and of little patience, so that a busy app is not a sick one."""
    settings = settings_of(app)
    app.extensions["safegrid_health"] = {
        "postgresql": _ask_postgresql(settings),
        "redis": _ask_redis(settings.redis_url, settings.queue_redis_url),
    }
    app.register_blueprint(bp)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """200 when PostgreSQL and Redis answer, else 503 and which one does not."""
    away = [name for name, responds in current_app.extensions["safegrid_health"].items() if not responds()]
    if away:
        return jsonify(status="unavailable", away=away), 503
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    """200 when requests can be taken: both answer, and the tables are those of this version; else 503 and why."""
    away = [name for name, responds in current_app.extensions["safegrid_health"].items() if not responds()]
    if away:
        return jsonify(status="unavailable", away=away), 503
    try:
        with client().engine.connect() as connection:
            schema.check(connection)
    except schema.SchemaDiffers as error:
        return jsonify(status="unavailable", away=[], detail=str(error)), 503
    return jsonify(status="ok")


def _ask_postgresql(settings: Settings) -> Callable[[], bool]:
    engine = database.create_for_probes(settings, "safegrid health", TIMEOUT_S)

    def responds() -> bool:
        try:
            with engine.connect() as connection:
                connection.execute(sqlalchemy.text(f"SET LOCAL statement_timeout = '{TIMEOUT_S}s'"))
                connection.execute(sqlalchemy.text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    return responds


def _ask_redis(*urls: str) -> Callable[[], bool]:
    patience: dict[str, Any] = {"socket_connect_timeout": TIMEOUT_S, "socket_timeout": TIMEOUT_S}
    clients = [redis.Redis.from_url(url, **patience) for url in dict.fromkeys(urls)]

    def responds() -> bool:
        try:
            return all(client.ping() for client in clients)
        except redis.RedisError:
            return False

    return responds
