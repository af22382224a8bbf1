"""Receivers of messages that do not take them."""

from collections.abc import Iterator

from sqlalchemy import text

from worker.findings.kinds import Finding
from worker.findings.rule import Here, Rule

_REFUSING = text("SELECT name, error, refused_since, tries FROM receivers ORDER BY name")


def look(here: Here) -> Iterator[Finding]:
    """One finding a receiver."""
    with here.connection.begin():
        refusing = here.connection.execute(_REFUSING).all()
    for row in refusing:
        cause = f"{row.error}. Messages refused since {row.refused_since:%Y-%m-%d %H:%M} UTC: {row.tries}."
        remedy = "Correct its address in ALERT_WEBHOOK_URL or SAFEGRID_ALERT_RECEIVERS: `safegrid doctor --test-alert`."
        yield Finding("receiver_refuses", row.name, cause, remedy)


RULE = Rule("telling", look, what="Messages")
