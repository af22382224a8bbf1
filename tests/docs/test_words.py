"""The pages say it in the words of docs/glossary.md."""

import re
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT
from tests.docs.pages import paths, prose
from tests.web.test_words import found

PAGES = [page for page in paths() if page.name not in ("measurements.md", "glossary.md")]


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / ".env.example", ROOT / "deploy/prometheus/alerts.yml"], ids=lambda page: page.name
)
def test_a_page_says_it_in_the_words_of_the_glossary(page: Path) -> None:
    # Without what it quotes as code.
    assert found(re.sub(r"`[^`]*`", "", prose(page))) == []
