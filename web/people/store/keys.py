"""Random secrets, of which only hashes are kept."""

import hashlib
import secrets


def new() -> str:
    """256 bits at random: nobody can guess them, so their hash needs neither salt nor slowness."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
