"""Logs: one line per event on stderr, JSON in production; a run's last lines are kept with it."""

import functools
import logging
import re
import sys
from collections import deque
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import structlog

from worker.settings import Settings

LINES_KEPT = 200
_SECRETS = re.compile(r"(?<=://)[^/@\s]+@|(?<=apikey=)[^&\s]+")

_lines: ContextVar[deque[dict[str, Any]] | None] = ContextVar("safegrid_run_log", default=None)

Event = MutableMapping[str, Any]


def configure(settings: Settings) -> None:
    """Send structlog's and the libraries' lines to stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
        structlog.processors.format_exc_info,
        _keep_line,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.production
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, _hide_secrets],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    # RQ tells of every job in lines of its own; ours carry the run's id.
    # urllib3 would tell the addresses that it asks, of which some are secrets.
    for noisy in ("rq", "rq.worker", "alembic", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
        # The handler that `rq worker` has put there knows no secrets to hide.
        logging.getLogger(noisy).handlers.clear()
    # A request that waits a moment for a thread is nothing to warn of; the metrics tell of load.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    if not settings.redis_verify:
        structlog.get_logger("safegrid").warning("redis_certificates_are_not_verified", by="SAFEGRID_REDIS_VERIFY")
    if settings.celery_broker_url:
        _tell_of_the_broker(settings.celery_broker_url)


@functools.cache
def _tell_of_the_broker(url: str) -> None:
    """Once: a forked process knows what its parent has told."""
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port or 6379}{parts.path}" if parts.hostname else parts.path
    structlog.get_logger("safegrid").info(
        "celery_broker_url_is_the_queues_redis", redis=where, remedy="set QUEUE_REDIS_URL to name another"
    )


def keep_lines() -> deque[dict[str, Any]]:
    """From here on, this run's lines are kept in the deque that is answered, the last ones only."""
    lines: deque[dict[str, Any]] = deque(maxlen=LINES_KEPT)
    _lines.set(lines)
    return lines


def hide_secrets(text: str) -> str:
    """Without the passwords of URLs and the keys of services."""
    return _SECRETS.sub("***", text)


def _hide_secrets(_logger: Any, _method: str, line: Any) -> str:
    return hide_secrets(line)


def _keep_line(_logger: Any, _method: str, event: Event) -> Event:
    lines = _lines.get()
    if lines is not None:
        lines.append(
            {
                key: value if isinstance(value, int | float) else hide_secrets(str(value))
                for key, value in event.items()
                if not key.startswith("_")
            }
        )
    return event
