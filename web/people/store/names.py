"""Names of users and tokens."""

from web.people.store.errors import PersonError

# It stands in every line of the audit.
LONGEST = 64


def checked(name: str) -> str:
    """The name without spaces around it. Raises PersonError."""
    name = name.strip()
    # A slash would part the addresses of their page.
    if not name or len(name) > LONGEST or not name.isprintable() or "/" in name:
        raise PersonError("name", f"A name has 1 to {LONGEST} printable characters and no slash")
    return name
