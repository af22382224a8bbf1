"""Names of users and tokens."""

import re

from web.http.names import comparable
from web.people.store.errors import PersonError

# It stands in every line of the audit.
LONGEST = 64
# Printable by Python's word, and not seen: Default_Ignorable_Code_Point of Unicode, and a blank of Braille.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
OF_PROVIDER = "oidc:"
"""With it begin the names of those whom a provider knows."""
# By these the ledger and the audit call others than users.
_RESERVED = ("api token", "cli", "events", "operator", "rq", "safegrid", "schedule", "scheduler", "system", "worker")
_BEGINNINGS = ("token ", "token:", OF_PROVIDER, "run ", "rq ", "worker.", "(")


def checked(name: str) -> str:
    """The name without spaces around it. Raises PersonError."""
    name = name.strip()
    # A slash would part the addresses of their page.
    if not name or len(name) > LONGEST or not name.isprintable() or "/" in name or _UNSEEN.search(name):
        raise PersonError("name", f"A name must have 1 to {LONGEST} printable characters and no slash")
    return name


def plain(name: str) -> str:
    """What of a name can stand in a line, as far as 48 characters."""
    seen = (one for one in _UNSEEN.sub("", name) if one.isprintable() and one != "/")
    return "".join(seen).strip()[:48]


def of_user(name: str, operator: str) -> str:
    """The same for a user, who may not look like somebody else: `operator` is that of the environment."""
    name = checked(name)
    form = comparable(name)
    if form == comparable(operator):
        raise PersonError("name", f"{name} is the name of the operator set in the environment. Choose another name")
    if form in _RESERVED or form.startswith(_BEGINNINGS):
        raise PersonError("name", f"{name} is a name that the audit uses itself. Choose another name")
    return name
