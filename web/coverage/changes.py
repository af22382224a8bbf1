"""Changes of known gaps and of whose land it is: done and audited, for pages and programs alike."""

from jobs.coverage import changes
from jobs.coverage.gaps import Gap
from web.http.clients import client
from web.people import audit


def add_gap(gap: Gap) -> Gap:
    """Note a gap; returns it with its id. Raises GapError."""
    with client().engine.begin() as connection:
        made = changes.add_gap(connection, gap)
    audit.note("noted", f"the gap of {made.force}, {made.span} ({made.kind})")
    return made


def remove_gap(gap_id: int) -> Gap:
    """Delete a gap; returns it. Raises UnknownGap."""
    with client().engine.begin() as connection:
        gone = changes.remove_gap(connection, gap_id)
    audit.note("deleted", f"the gap of {gone.force}, {gone.span} ({gone.kind})")
    return gone
