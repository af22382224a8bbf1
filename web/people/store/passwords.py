"""Passwords: which are taken, and how they are kept."""

import functools
import secrets

from werkzeug.security import check_password_hash, generate_password_hash

from web.people.store.errors import PersonError

# As OWASP asks: ASVS 5.0, 6.2.1 has 8 as the least and advises 15.
SHORTEST = 12
# A bound for what one request can make us hash.
LONGEST = 1024
# As OWASP's Password Storage Cheat Sheet asks: 32 MB of memory and some tenth of a second.
METHOD = "scrypt:32768:8:1"


def hashed(password: str) -> str:
    """Its hash. Raises PersonError for a password that is too easily guessed, or too long."""
    if len(password) < SHORTEST:
        raise PersonError("password", f"A password has at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise PersonError("password", f"A password has at most {LONGEST} characters")
    return generate_password_hash(password, METHOD)


def fits(password: str, password_hash: str | None) -> bool:
    """Whether that is its hash. None is that of nobody, which takes as long to refuse as that of somebody."""
    fits = check_password_hash(password_hash or _nobody(), password[: LONGEST + 1])
    return fits and password_hash is not None


@functools.cache
def _nobody() -> str:
    return generate_password_hash(secrets.token_hex(), METHOD)
