"""The page of the events names every kind, and its code tells what we signed from what we did not."""

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from jobs import webhooks
from jobs.models.events import KINDS
from tests.conftest import needs
from tests.docs.blocks import ROOT, blocks
from tests.standins.subscriber import SECRET

PAGE = "docs/events.md"
BODY = b'{"data":{"error":"\xc3\xa4"}}'
Check = Callable[[str, dict[str, str], bytes], bool]


def code(kind: str) -> str:
    (found,) = [one.text for one in blocks() if (one.file, one.kind) == (PAGE, kind)]
    return found


def by_python(secret: str, headers: dict[str, str], body: bytes) -> bool:
    names: dict[str, Any] = {}
    exec(code("python"), names)
    return bool(names["is_ours"](secret, headers, body))


def by_javascript(secret: str, headers: dict[str, str], body: bytes) -> bool:
    needs("node", shutil.which("node") is not None)
    call = f"isOurs({json.dumps(secret)}, {json.dumps(headers)}, Buffer.from('{body.hex()}', 'hex'))"
    script = f"{code('javascript')}\nconsole.log({call})"
    return subprocess.run(["node", "-e", script], check=True, capture_output=True, text=True).stdout == "true\n"


@pytest.mark.parametrize("is_ours", [by_python, by_javascript])
def test_the_code_of_the_page_knows_what_is_ours(is_ours: Check) -> None:
    for secret in (SECRET, "a secret of their own, long enough"):
        assert is_ours(secret, webhooks.signed(secret, "run_ended-1", BODY), BODY)
    headers = webhooks.signed(SECRET, "run_ended-1", BODY)
    assert not is_ours("whsec_AAAA", headers, BODY)
    assert not is_ours(SECRET, headers, BODY + b" ")
    assert not is_ours(SECRET, headers | {"webhook-id": "run_ended-2"}, BODY)
    stamp = str(int(headers["webhook-timestamp"]) - 301)
    assert not is_ours(SECRET, headers | {"webhook-timestamp": stamp}, BODY)


def test_every_kind_is_listed() -> None:
    page = (ROOT / PAGE).read_text()
    assert [kind for kind in KINDS if f"| `{kind}` |" not in page] == []
