"""Passwords: which are taken, and how they are kept."""

import functools
import secrets

from werkzeug.security import check_password_hash, generate_password_hash

from web.people.store.errors import PersonError
from worker import weakness

# As OWASP asks: ASVS 5.0, 6.2.1 has 8 as the least and advises 15.
SHORTEST = 12
# A bound for what one request can make us hash.
LONGEST = 1024
# As OWASP's Password Storage Cheat Sheet asks: 32 MB of memory and some tenth of a second.
METHOD = "scrypt:32768:8:1"


def hashed(password: str, name: str) -> str:
    """The hash of a password of the user of that name. Raises PersonError where it is easy to guess, or too long."""
    if len(password) > LONGEST:
        raise PersonError("password", f"A password must have at most {LONGEST} characters")
    if what := weakness.of(password, SHORTEST, (name,)):
        hint = f"use several unrelated words, at least {SHORTEST} characters"
        raise PersonError("password", f"This password {what}: {hint}")
    return generate_password_hash(password, METHOD)


def fits(password: str, password_hash: str | None) -> bool:
    """Whether that is its hash. None is that of nobody, which takes as long to refuse as that of somebody."""
    fits = check_password_hash(password_hash or _nobody(), password[: LONGEST + 1])
    return fits and password_hash is not None


@functools.cache
def _nobody() -> str:
    return generate_password_hash(secrets.token_hex(), METHOD)
