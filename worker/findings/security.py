"""Engines that others could read or write, in production."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from jobs.settings import LOOPBACK
from worker import weakness
from worker.findings.kinds import Finding
from worker.findings.rule import Here, Rule

SHORTEST = 12
_ENCRYPTED = ("require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class Address:
    """Where an engine is. No finding names more of it than the variable and the host."""

    variable: str
    host: str
    user: str
    password: str
    is_encrypted: bool

    @classmethod
    def read(cls, variable: str, url: str) -> "Address":
        """An address on this machine, or a socket, counts as encrypted."""
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        host = parts.hostname or ""
        is_here = not host or host in LOOPBACK or parts.scheme == "unix"
        is_encrypted = is_here or parts.scheme == "rediss" or query.get("sslmode", [""])[0] in _ENCRYPTED
        user = unquote(parts.username or query.get("user", [""])[0])
        password = unquote(parts.password or query.get("password", [""])[0])
        return cls(variable, host, user, password, is_encrypted)


def look(here: Here) -> Iterator[Finding]:
    """The secrets of the web are checked where it starts: in production it refuses weak ones."""
    if not here.settings.production:
        return
    for address in _addresses(here):
        if not address.is_encrypted:
            cause = (
                f"{address.variable} connects to {address.host} without TLS: others on the network can read "
                "and change the data."
            )
            remedy = (
                "Use rediss://, or ?sslmode=require for PostgreSQL. On a private network, acknowledge this finding."
            )
            yield Finding("no_tls", address.variable, cause, remedy)
        if (
            address.host
            and address.host not in LOOPBACK
            and (what := weakness.of(address.password, SHORTEST, (address.user,)))
        ):
            cause = f"The password in {address.variable} {what}."
            yield Finding(
                "weak_password", address.variable, cause, "Set a new password, such as from `openssl rand -hex 24`."
            )


def _addresses(here: Here) -> Iterator[Address]:
    yield Address.read("DATABASE_URL", here.settings.database_url)
    yield Address.read("REDIS_URL", here.settings.redis_url)
    if here.settings.queue_redis_url != here.settings.redis_url:
        yield Address.read("QUEUE_REDIS_URL", here.settings.queue_redis_url)


RULE = Rule("security", look, every_s=60, what="Secrets and TLS")
