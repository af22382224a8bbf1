"""What makes a secret easy to guess: one way for all that are asked for."""

import re
from collections.abc import Iterable

# What people are told to put another in place of, in examples of ours and of others.
_PLACEHOLDER = re.compile(r"change.?(me|this)|replace.?me|placeholder|example|your[-_ ]|<.*>")
# What the library reads at most; what is longer has enough in it.
_LONGEST = 72
# More than 10^10 guesses: too many also for somebody who does not have to ask us.
_STRONG = 4


def of(secret: str, shortest: int, names: Iterable[str] = ()) -> str | None:
    """Why it is too weak, as what follows its name in a sentence; none where it is not.

    names: words that somebody would try first. Common passwords, repetitions, sequences, rows of keys and dates are
    judged by zxcvbn (Wheeler, "zxcvbn: Low-Budget Password Strength Estimation", USENIX Security 2016).
    """
    from zxcvbn import zxcvbn

    if not secret:
        return "is missing"
    if len(secret) < shortest:
        return f"has fewer than {shortest} characters"
    if _PLACEHOLDER.search(secret.lower()):
        return "is a placeholder"
    known = ["safegrid", "postgres", "redis", *filter(None, names)]
    # A key held down, or a few words again and again, is as short as what is repeated.
    judged = zxcvbn(secret[:_LONGEST], user_inputs=known)
    return None if judged["score"] >= _STRONG else "is easy to guess"
