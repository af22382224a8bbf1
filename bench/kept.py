"""The measurements that are kept: docs/measurements.json, from which docs/measurements.md is written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.harness import Ratio

DOCS = Path(__file__).parents[1] / "docs"
FILE, PAGE = DOCS / "measurements.json", DOCS / "measurements.md"


@dataclass(frozen=True)
class Round:
    """Rows that were measured at one time, on one machine."""

    date: str
    """YYYY-MM-DD."""
    machine: str
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    """The BENCH_ variables that were set."""
    about: str = ""
    """What was measured, where that is not what the part always measures."""
    rows: Sequence[Ratio] = ()

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Round":
        """As the file has it."""
        return cls(**{**stored, "rows": [Ratio(**row) for row in stored["rows"]]})


Kept = dict[str, list[Round]]
"""{part: its rounds}"""


def read(file: Path = FILE) -> Kept:
    """What is kept of every part."""
    stored = json.loads(file.read_text())
    return {part: [Round.read(one) for one in rounds] for part, rounds in stored.items()}


def text_of(kept: Kept) -> str:
    """The text of the file."""
    stored = {part: [asdict(one) for one in kept[part]] for part in sorted(kept)}
    return json.dumps(stored, indent=1, ensure_ascii=False) + "\n"


def replace(part: str, measured: Round, file: Path = FILE, page: Path = PAGE) -> None:
    """Keep this of a part in place of all that was kept of it; other parts stay as they are. Writes file and page."""
    file.write_text(text_of(read(file) | {part: [measured]}))
    write_page(file, page)


def write_page(file: Path = FILE, page: Path = PAGE) -> None:
    """Write the page from what is kept, as after a change of what explains a part."""
    from bench.page import render

    page.write_text(render(read(file)))
