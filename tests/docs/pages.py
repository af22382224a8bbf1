"""The pages that people read, as Markdown: their links, headings and tables."""

import re
from pathlib import Path

from tests.docs.blocks import ROOT

OTHERS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
_FENCE = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*\]\(([^)\s]+)\)")


def paths() -> list[Path]:
    """Every page; those of `docs/` last."""
    return [*(ROOT / name for name in OTHERS), *sorted((ROOT / "docs").glob("*.md"))]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def links(text: str) -> list[str]:
    """Where the text's links and pictures lead."""
    return _LINK.findall(text)


def anchors(page: Path) -> set[str]:
    """The anchors of the page's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        number = next(one for one in range(len(found) + 1) if (f"{anchor}-{one}" if one else anchor) not in found)
        found.add(f"{anchor}-{number}" if number else anchor)
    return found


def tables(page: str, header: str) -> list[list[str]]:
    """Rows of every table of the page with this header line, as the text of their cells."""
    lines = (ROOT / page).read_text().splitlines()
    rows: list[list[str]] = []
    for begin in (number for number, line in enumerate(lines) if line == header):
        for line in lines[begin + 2 :]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    assert rows, f"{page} has no table with the header {header}"
    return rows


def in_code(text: str) -> list[str]:
    """What the text has between backticks."""
    return re.findall(r"`([^`]+)`", text)
