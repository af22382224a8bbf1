"""Tokens that are in use and about to expire are named; others are not."""

import pytest
from sqlalchemy import Connection

from tests.integration.crimes import change
from tests.integration.findings.looking import looking
from worker.settings import Settings

TOKEN = """
    INSERT INTO api_tokens (name, token_hash, hint, role, created_by, expires_at, last_used, revoked_at) VALUES (
        'nightly report', 'x', 'sg_x', 'viewer', 'admin', now() + CAST(:expires AS interval),
        now() - CAST(:used AS interval), CASE WHEN :revoked THEN now() END)
"""


@pytest.mark.parametrize(
    ("expires", "used", "revoked", "said"),
    [
        ("3 days", "1 day", False, "nightly report, last used on"),
        ("-2 days", "3 days", False, "expired on"),
        ("8 days", "1 day", False, None),
        ("-8 days", "9 days", False, None),
        ("3 days", "40 days", False, None),
        ("3 days", None, False, None),
        (None, "1 day", False, None),
        ("3 days", "1 day", True, None),
    ],
)
def test_a_token_that_programs_use_is_named_before_it_expires(
    settings: Settings, connection: Connection, expires: str | None, used: str | None, revoked: bool, said: str | None
) -> None:
    change(connection, TOKEN, expires=expires, used=used, revoked=revoked)
    with looking(settings, connection) as looker:
        found = looker.of("token_expires")
        assert (said in found["token 1"].cause) if said else not found
        change(connection, "UPDATE api_tokens SET revoked_at = now()")
        assert not looker.of("token_expires")
