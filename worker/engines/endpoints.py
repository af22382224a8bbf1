"""Where a folder's engines answer, as a file that their owner writes and everybody else reads."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from worker.engines import postgres, valkey
from worker.engines.errors import EngineError, EnginesNotRunning, SeveralEngines

FILE = "endpoints.json"
HOMES = (".safegrid", ".demo/*")
"""Where engines are in a project's folder: those of `safegrid up`, and those of a demo, a folder for each source."""


@dataclass(frozen=True)
class Endpoints:
    """URLs of the two engines, for SQLAlchemy with psycopg2 and for redis-py. They hold no secret."""

    database_url: str
    redis_url: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What their owner was told besides, for whoever attaches; no secret either."""


def attach(folder: Path) -> Endpoints:
    """The engines that run in `folder`, both of which just answered.

    Raises EnginesNotRunning when they do not, or when what answers is not this folder's, and EngineError when they
    are another user's.
    """
    folder = folder.resolve()
    try:
        is_ours = (folder / FILE).stat().st_uid == os.geteuid()
    except FileNotFoundError:
        raise EnginesNotRunning(folder) from None
    except PermissionError:
        is_ours = False
    if not is_ours:
        raise EngineError(f"the engines in {folder} belong to another user: run as that user")
    found = Endpoints(**json.loads((folder / FILE).read_text()))
    running = postgres.responds(found.database_url, (folder / "postgres").resolve()) and valkey.responds(
        found.redis_url, folder / "valkey"
    )
    if not running:
        raise EnginesNotRunning(folder)
    return found


def attach_here() -> tuple[Path, Endpoints]:
    """The folder, below the working folder, whose engines run, and those engines.

    Raises as `attach`, and SeveralEngines when those of more than one folder do.
    """
    found = {}
    for folder in (folder for place in HOMES for folder in sorted(Path().glob(place))):
        with suppress(EnginesNotRunning):
            found[folder] = attach(folder)
    if len(found) > 1:
        raise SeveralEngines(list(found))
    if not found:
        raise EnginesNotRunning(Path(HOMES[0]).resolve())
    return found.popitem()


def publish(folder: Path, endpoints: Endpoints) -> None:
    """Write the file that `attach` reads, so that it is never seen half written."""
    draft = folder / f"{FILE}.new"
    draft.write_text(json.dumps(asdict(endpoints), indent=2) + "\n")
    draft.chmod(0o600)
    draft.replace(folder / FILE)


def withdraw(folder: Path) -> None:
    """Remove the file that `attach` reads."""
    (folder / FILE).unlink(missing_ok=True)
