"""Names of routes that are none: pieces of the reports that the names were taken from."""

import re
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_][\w\u2018\u2019'-]*")
_ENDS: Final = (".", ",", "?", "!", ";", ":")
# Shorter words are small in titles too.
_LONG: Final = 4
FEWEST_WORDS: Final = 3
# So many without a capital and without an end are hardly a name.
MANY_WORDS: Final = 5


def reads_like_a_sentence(name: str) -> bool:
    """Whether most long words are small, and the name ends as a sentence does or begins in the middle of one.

    `We could see it from a distance,` does, `Where's the Beef?` and `Voie des amis de la montagne` do not.
    """
    words = _WORD.findall(name)
    long = [word for word in words if len(word) >= _LONG]
    small = [word for word in long if word[0].islower()]
    if len(words) < FEWEST_WORDS or 2 * len(small) <= len(long):
        return False
    return name.rstrip().endswith(_ENDS) or (len(words) >= MANY_WORDS and words[0][0].islower())
