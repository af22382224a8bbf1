"""The page on security names tests that there are, and every requirement once."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| (met|in part|yours|not met) \| (.+) \|$", PAGE, flags=re.MULTILINE)


def test_every_test_that_is_named_is_there() -> None:
    there = set(
        re.findall(r"^ *def (test_\w+)", "\n".join(map(Path.read_text, ROOT.glob("tests/**/*.py"))), re.MULTILINE)
    )
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 50
    assert named <= there


def test_every_requirement_has_one_row() -> None:
    counts = Counter(number for number, _, _ in ROWS)
    assert len(counts) > 150
    assert counts.most_common(1)[0][1] == 1
    order = [tuple(map(int, number.split("."))) for number, _, _ in ROWS]
    assert order == sorted(order)
