"""Names of files in the import folder of the workers."""

from pathlib import Path


def is_name(text: str) -> bool:
    """Whether it names something within the folder: nothing absolute, and nothing that leads up and out of it."""
    return bool(text) and "\0" not in text and not Path(text).is_absolute() and ".." not in Path(text).parts


def leads_out(path: Path, folder: Path) -> bool:
    """Whether the path is outside of the folder once links are followed."""
    return not path.resolve().is_relative_to(folder.resolve())
