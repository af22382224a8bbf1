"""The page of the findings lists every kind as the code has it."""

from typing import get_args

from tests.docs.blocks import ROOT
from tests.docs.pages import tables
from worker.findings.kinds import HOUR_S, KINDS, MINUTE_S, Kind
from worker.findings.watch import RULES
from worker.telling import receivers


def patience(kind: Kind) -> str:
    if kind.patience_s >= HOUR_S:
        return f"{kind.patience_s // HOUR_S:.0f} h"
    return f"{kind.patience_s // MINUTE_S:.0f} min" if kind.patience_s else "0 s"


def table() -> list[str]:
    """To be pasted into the page when it has changed."""
    rows = [f"| `{one.name}` | {one.severity} | {patience(one)} | {one.about} |" for one in KINDS.values()]
    return ["| kind | severity | alert after | what is wrong |", "|---|---|---|---|", *rows]


def test_every_kind_is_listed_as_it_is() -> None:
    page = (ROOT / "docs/findings.md").read_text().splitlines()
    first = page.index("| kind | severity | alert after | what is wrong |")
    found = page[first : page.index("", first)]
    assert found == table(), "\n".join(table())


def test_every_rule_has_a_name_for_people() -> None:
    assert all(rule.what for rule in RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_every_form_of_an_alert_is_listed() -> None:
    listed = [form.strip("`") for form, *_ in tables("docs/findings.md", "| form | host | what is sent |")]
    assert listed == list(get_args(receivers.Form))
