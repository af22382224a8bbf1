"""What an error of PostgreSQL or Redis means to a person: what happened, to what, and what to do."""

import re

from redis import AuthenticationError, RedisError, ResponseError
from redis.exceptions import NoPermissionError
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from jobs.settings import PERCENT_ENCODE

_RIGHTS = "docs/deploy.md lists the rights that it needs"
_INSUFFICIENT_PRIVILEGE = "42501"

# libpq gives no code for what ends a connect: its words are all there is.
_REFUSED = [
    (
        r"(Peer|Ident) authentication failed",
        "PostgreSQL allows this system user only under another name: check the user of DATABASE_URL, or pg_hba.conf",
    ),
    (r"password authentication failed", f"check the user and password of DATABASE_URL; {PERCENT_ENCODE}"),
    (r"no password supplied", "DATABASE_URL has no password, but PostgreSQL requires one"),
    (r'role ".*" does not exist', "check the user of DATABASE_URL, or create that role"),
    (r'database ".*" does not exist', "create it with `createdb`, or check the name at the end of DATABASE_URL"),
    (r"no pg_hba.conf entry", "allow this host in PostgreSQL's pg_hba.conf, or add ?sslmode=require to DATABASE_URL"),
    (r"permission denied for database", f"grant its role CONNECT; {_RIGHTS}"),
    (
        r"unsupported startup parameter",
        "DATABASE_URL leads to a pooler: for worker, scheduler and migrate, set the address of PostgreSQL itself, and "
        "remove `options` from the address of a pooler",
    ),
]
_FULL = [
    (
        r"too many clients|connection slots are reserved|too many connections",
        "raise max_connections, or run fewer processes",
    )
]
_REDIS = [
    (r"Authentication required|already authenticated", "the server requires a password: redis://:PASSWORD@host:port/0"),
    (r"DB index is out of range", "the server has no database with the number at the end of the address"),
]
_VARIABLES = "REDIS_URL and QUEUE_REDIS_URL"


def of(error: Exception) -> str:
    """One line for any error."""
    match error:
        case DBAPIError():
            return of_postgresql(error)
        case RedisError():
            return of_redis(error)
    return str(error).splitlines()[0]


def is_refused(error: OperationalError) -> bool:
    """Whether PostgreSQL is there and does not let us in, which no waiting mends."""
    return _remedy(_REFUSED, _first_line(error)) is not None


def of_postgresql(error: DBAPIError) -> str:
    """One line."""
    said = _first_line(error)
    if getattr(error.orig, "pgcode", None) == _INSUFFICIENT_PRIVILEGE:
        return f"The role of DATABASE_URL lacks a right in PostgreSQL: {said}; {_RIGHTS}"
    if isinstance(error, ProgrammingError):
        return f"{said}: if tables are missing, run `safegrid migrate`"
    if not isinstance(error, OperationalError):
        return said
    remedy = _remedy([*_REFUSED, *_FULL], said)
    return f"PostgreSQL cannot be used: {said}: {remedy}" if remedy else _away(said)


def of_redis(error: RedisError) -> str:
    """One line."""
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, NoPermissionError):
        return f"The user of Redis lacks a right: {said}; {_RIGHTS}"
    if remedy := _remedy(_REDIS, said):
        return f"Redis cannot be used: {said}: {remedy}. Check {_VARIABLES}"
    if isinstance(error, AuthenticationError):
        return f"Redis refused the user or password: {said}: check {_VARIABLES}; {PERCENT_ENCODE}"
    if isinstance(error, ResponseError):
        return f"Redis refused a command: {said}"
    return f"Redis cannot be reached: {said}. Check {_VARIABLES}"


def _remedy(known: list[tuple[str, str]], said: str) -> str | None:
    return next((remedy for pattern, remedy in known if re.search(pattern, said)), None)


def _away(said: str) -> str:
    return f"PostgreSQL cannot be reached: {said}. Check DATABASE_URL"


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
