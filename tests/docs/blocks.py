"""The fenced blocks of README and docs, and the text that somebody would paste of each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>[^\n]+?) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
# Nothing to run beside a demo; tests/integration/test_rights.py runs the SQL, tests/docs/test_events.py the JavaScript,
# tests/browser/test_elsewhere.py the page.
SHOWN_ONLY = ("text", "json", "ini", "nginx", "sql", "javascript", "html")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    file: str
    line: int
    kind: str
    text: str
    why_not_run: str

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def script(self) -> str:
        """Of a console, what follows its prompts; lines without one go on with the line before."""
        if self.kind != "console":
            return self.text
        return "".join(re.sub(r"^\$ ", "", line) for line in self.text.splitlines(keepends=True))


def blocks() -> Iterator[Block]:
    """Every fenced block, file by file."""
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = file.read_text()
        for match in _BLOCK.finditer(text):
            line = text[: match.start("text")].count("\n")
            name = str(file.relative_to(ROOT))
            yield Block(name, line, match["kind"], match["text"], match["why"] or "")


def to_run() -> list[Block]:
    """Those that are run."""
    return [block for block in blocks() if block.kind not in SHOWN_ONLY and not block.why_not_run]
