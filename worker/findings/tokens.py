"""API tokens that programs still use and that are about to expire, or just have."""

from collections.abc import Iterator

from sqlalchemy import text

from worker.findings.kinds import Finding
from worker.findings.rule import Here, Rule

# A week to give the program another, and a week in which somebody wonders why it fails. What was not used for a month
# before that is missed by nobody.
_EXPIRING = text(
    """
    SELECT id, name, last_used, expires_at, expires_at <= clock_timestamp() AS is_expired FROM api_tokens
    WHERE revoked_at IS NULL
        AND expires_at BETWEEN clock_timestamp() - interval '7 days' AND clock_timestamp() + interval '7 days'
        AND last_used > expires_at - interval '30 days'
    ORDER BY expires_at, id
    """
)


def look(here: Here) -> Iterator[Finding]:
    """One finding a token; whoever revokes it has seen to it."""
    with here.connection.begin():
        found = here.connection.execute(_EXPIRING).all()
    for one in found:
        ends = "expired on {:%Y-%m-%d} and is refused" if one.is_expired else "expires on {:%Y-%m-%d}"
        cause = f"The token {one.name}, last used on {one.last_used:%Y-%m-%d}, {ends.format(one.expires_at)}."
        remedy = "Make a new token on the page People, give it to the program, and revoke this one."
        yield Finding("token_expires", f"token {one.id}", cause, remedy, "people.index")


RULE = Rule("tokens", look, every_s=60, what="API tokens")
