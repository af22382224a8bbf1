"""Links of the pages lead somewhere: to a file, to a heading, or to an https address that is well-formed."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.blocks import ROOT
from tests.docs.pages import anchors, links, paths, prose

TEXTS = (".py", ".html", ".yml", ".yaml", ".service", ".conf", ".example")
every_page = pytest.mark.parametrize("page", paths(), ids=lambda page: page.name)


def wrong_with(link: str, page: Path) -> str:
    """Why the link leads nowhere; nothing if it leads somewhere."""
    parts = urlsplit(link)
    if parts.scheme:
        return "" if parts.scheme == "https" and "." in (parts.hostname or "") else "no https address"
    file = (page.parent / parts.path).resolve() if parts.path else page
    if not file.exists() or not file.is_relative_to(ROOT):
        return "no such file"
    return f"no such heading in {file.name}" if parts.fragment and parts.fragment not in anchors(file) else ""


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    assert {link: wrong for link in links(prose(page)) if (wrong := wrong_with(link, page))} == {}


def test_every_page_that_code_and_deployment_name_is_there() -> None:
    rooms = [file for room in ("jobs", "worker", "web", "deploy") for file in (ROOT / room).rglob("*")]
    texts = [file.read_text() for file in [ROOT / ".env.example", *rooms] if file.name.endswith(TEXTS)]
    named = {page for text in texts for page in re.findall(r"(?<![/\w])docs/[\w-]+\.md", text)}
    assert named
    assert {page for page in named if not (ROOT / page).exists()} == set()


def test_a_link_that_leads_nowhere_is_found() -> None:
    page = ROOT / "docs/tutorial.md"
    for link in ("nowhere.md", "jobs.md#nowhere", "#nowhere", "http://example.org", "https://", "../../outside.md"):
        assert wrong_with(link, page), link
    assert links("[a](b.md), ![c](d.png) and [![e](f.png)](g.md#h)") == ["b.md", "d.png", "g.md#h"]
