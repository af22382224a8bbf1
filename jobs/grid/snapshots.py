"""Responses of the grid, kept in Redis for as long as the grid they are of stands."""

import gzip
import hashlib
from dataclasses import dataclass
from typing import Final, cast

import structlog
from redis import Redis, RedisError

from jobs.grid.period import Version
from jobs.settings import Settings

log = structlog.get_logger("safegrid.grid")

# A change of the grid drops them at once; the hour is for those that nobody asks for again.
TTL_S: Final = 3600
# Counted up when answers of the same grid change their form.
_FORM: Final = "4"
# Nearly as small as with the default 9, in a fraction of its time.
_GZIP_LEVEL: Final = 5
_SEAL: Final = 8
# Answers to free questions are without end, and Redis may be that of the queues. So each has one of a fixed number of
# places, by its digest, and takes it from whoever had it: {most bytes of an answer: places}, 96 MB in all.
PLACES: Final = {2**13: 4096, 2**17: 256, 2**20: 32}


@dataclass(frozen=True)
class Name:
    """What an answer is of: a question, and the version of the grid that it was put to."""

    generation: int
    digest: str

    @classmethod
    def of(cls, version: Version, question: str) -> "Name":
        """The name of the answer to `question`."""
        whole = "\n".join((_FORM, str(version.generation), version.stamp, question))
        # 128 bits of it are enough that no two questions meet.
        return cls(version.generation, hashlib.sha256(whole.encode()).hexdigest()[:32])

    @property
    def key(self) -> str:
        """Where Redis keeps it."""
        return f"safety:snapshot:{self.generation}:{self.digest}"

    @property
    def etag(self) -> str:
        """Without quotes."""
        return f"{self.generation}-{self.digest}"


class Snapshots:
    """Kept answers, as gzip. With Redis away there are none, and nobody waits long for that."""

    def __init__(self, settings: Settings) -> None:
        # Somebody waits: computing is quicker than a Redis that is away.
        self._cache = Redis.from_url(settings.redis_url, socket_connect_timeout=0.5, socket_timeout=2)

    def get(self, name: Name) -> bytes | None:
        """The answer, if it is kept."""
        try:
            return unsealed(name.key, cast(bytes | None, self._cache.get(name.key)))
        except RedisError as error:
            log.warning("snapshots_are_away", error=str(error))
            return None

    def keep(self, name: Name, body: bytes) -> bytes:
        """Keep an answer for an hour, unless it is too large or another takes its place. Returns it packed."""
        packed = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        place = _place(name, len(packed))
        if place is None:
            return packed
        try:
            self._cache.set(name.key, sealed(name.key, packed), ex=TTL_S)
            before = cast(bytes | None, self._cache.set(place, name.key, ex=TTL_S, get=True))
            if before is not None and before != name.key.encode():
                self._cache.unlink(before)
        except RedisError as error:
            log.warning("snapshots_are_away", error=str(error))
        return packed


def _place(name: Name, size: int) -> str | None:
    """The key that says whose its place is; none for an answer that is too large for any."""
    for most, count in PLACES.items():
        if size <= most:
            return f"safety:snapshot:place:{most}:{int(name.digest, 16) % count}"
    return None


def sealed(key: str, packed: bytes) -> bytes:
    """What is stored under `key`: behind a seal, so that nothing that others put there is ever served."""
    return _seal(key, packed) + packed


def _seal(key: str, packed: bytes) -> bytes:
    return hashlib.sha256(key.encode() + packed).digest()[:_SEAL]


def unsealed(key: str, stored: bytes | None) -> bytes | None:
    """What was put behind the seal of `key`; none for anything else."""
    if stored is None or _seal(key, stored[_SEAL:]) != stored[:_SEAL]:
        return None
    return stored[_SEAL:]
