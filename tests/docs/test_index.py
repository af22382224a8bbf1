"""The index of the documentation, in README: every page stands in it once, under its kind."""

import re
from collections import Counter

from tests.docs.blocks import ROOT
from tests.docs.pages import links

KINDS = ["Tutorial", "How-to guides", "Reference", "Explanation"]


def index() -> dict[str, list[str]]:
    """{kind: the pages of `docs/` that are listed under it}."""
    listed = (ROOT / "README.md").read_text().split("\n## Documentation\n")[1].split("\n## ")[0]
    found = re.findall(r"^- \*\*(.+?)\*\*(.*\n(?:  .+\n)*)", listed, re.MULTILINE)
    return {kind: links(rest) for kind, rest in found}


def test_every_page_is_listed_once_under_its_kind() -> None:
    found = index()
    assert list(found) == KINDS
    counts = Counter(link for listed in found.values() for link in listed)
    assert counts == Counter(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))
