"""Writing a million keys to Redis in pipelines that are packed here.

redis-py takes longer to pack them than the scores take to compute.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from redis import Redis

# About 1 MB a pipeline: neither side holds much more.
_SETS_A_PIPELINE: Final = 5_000


def write(cache: Redis, documents: Iterable[tuple[str, str]], ttl_s: int) -> int:
    """Keep each document under its key for `ttl_s` seconds. Returns how many there were. Raises RedisError."""
    written = 0
    remaining = iter(documents)
    expiry = b"$2\r\nEX\r\n$%d\r\n%d\r\n" % (len(str(ttl_s)), ttl_s)
    connection: Any = cache.connection_pool.get_connection()
    try:
        while part := list(islice(remaining, _SETS_A_PIPELINE)):
            connection.send_packed_command([b"".join(_set(*document) + expiry for document in part)])
            for _ in part:
                connection.read_response()
            written += len(part)
    except BaseException:
        # Responses that were not read must not become those of another command.
        connection.disconnect()
        raise
    finally:
        cache.connection_pool.release(connection)
    return written


def _set(key: str, document: str) -> bytes:
    """SET without its expiry, in Redis's protocol."""
    name, value = key.encode(), document.encode()
    # Five words: SET, key, document, EX, seconds: https://redis.io/docs/latest/develop/reference/protocol-spec/
    return b"*5\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(name), name, len(value), value)
