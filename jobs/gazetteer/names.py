"""Names of streets: as people read them, as they are compared, and the n-grams by which misspelt ones are found."""

import re
import unicodedata
from difflib import get_close_matches
from typing import Final

NEAR: Final = "On or near "
"""What the source puts before every name."""
KINDS: Final = frozenset(
    {
        "Airport/Airfield",
        "Bus/Coach Station",
        "Conference/Exhibition Centre",
        "Ferry Terminal",
        "Further/Higher Educational Building",
        "Hospital",
        "Motorway Service Area",
        "Nightclub",
        "Park/Open Space",
        "Parking Area",
        "Pedestrian Subway",
        "Petrol Station",
        "Police Station",
        "Prison",
        "Race Track",
        "Shopping Area",
        "Sports/Recreation Area",
        "Supermarket",
        "Theatre/Concert Hall",
        "Theme/Adventure Park",
    }
)
"""What the source calls a point that has no street: of its kind there are thousands, so it names no place."""
_NAMELESS: Final = frozenset({"", "no location"})
# As people and maps shorten them. "St" is a street at the end of a name, and a saint elsewhere.
_ANYWHERE: Final = {"mt": "mount", "saint": "st"}
_AFTER_THE_FIRST: Final = {
    **{"av": "avenue", "ave": "avenue", "bldgs": "buildings", "blvd": "boulevard", "cl": "close", "cres": "crescent"},
    **{"crt": "court", "ct": "court", "dr": "drive", "gdns": "gardens", "gr": "grove", "ln": "lane", "pk": "park"},
    **{"pl": "place", "rd": "road", "sq": "square", "stn": "station", "str": "street", "ter": "terrace"},
    **{"terr": "terrace", "wy": "way"},
}
# With which so many names end that they tell little of one.
_TYPES: Final = (
    *("avenue", "close", "court", "crescent", "drive", "gardens", "green", "grove", "hill", "lane", "mews", "park"),
    *("place", "rise", "road", "square", "station", "street", "terrace", "view", "walk", "way"),
)
_TYPES_BEGUN: Final = re.compile("|".join(f"{one[:size]}$" for one in _TYPES for size in range(1, len(one) + 1)))
# Share of letters, as difflib has it.
_CLOSE: Final = 0.75
_GRAM: Final = 3
_APOSTROPHES: Final = re.compile("['\u2019]")
_POSSESSIVE: Final = re.compile(r"(?<=\w)'S\b")


def bare(source: str) -> str:
    """A point's name without what the source puts before it."""
    return source.removeprefix(NEAR.rstrip()).strip()


def shown(source: str) -> str:
    """A point's name as people read it: the source writes `On or near St John'S Road`."""
    return _POSSESSIVE.sub("'s", bare(source))


def is_kind(source: str) -> bool:
    """Whether a point has a kind in place of a street's name."""
    return bare(source) in KINDS


def is_nameless(source: str) -> bool:
    """Whether a point has neither a name nor a kind."""
    return bare(source).lower() in _NAMELESS


def key(name: str) -> str:
    """The name as it is compared: lower case, without accents and signs, with its words written out."""
    plain = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", name.lower()).replace("&", " and "))
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    words = re.findall(r"[^\W_]+", letters)
    if len(words) > 1 and words[-1] == "st":
        words[-1] = "street"
    first, *others = (_ANYWHERE.get(word, word) for word in words or [""])
    return " ".join((first, *(_AFTER_THE_FIRST.get(word, word) for word in others)))


def grams(key: str) -> list[str]:
    """The trigrams of each word of a key, with two blanks before it and one after it, in their order.

    Without those of words such as `road`, unless the key begins with one. The words are taken apart as by pg_trgm:
    https://www.postgresql.org/docs/current/pgtrgm.html
    """
    first, *others = key.split() or [""]
    padded = [f"  {word} " for word in (first, *(one for one in others if one not in _TYPES)) if word]
    return list(dict.fromkeys(word[at : at + _GRAM] for word in padded for at in range(len(word) - _GRAM + 1)))


def grams_wanted(key: str) -> list[str]:
    """Those of a key that somebody typed, or is typing: its last word may be `road` in part, or with a wrong letter."""
    words = key.split()
    if len(words) > 1 and (_TYPES_BEGUN.match(words[-1]) or get_close_matches(words[-1], _TYPES, 1, _CLOSE)):
        words.pop()
    return grams(" ".join(words))


def swapped(key: str) -> list[str]:
    """The key with each two neighbouring letters swapped: in a short name that leaves few grams as they were."""
    return [f"{key[:at]}{key[at + 1]}{key[at]}{key[at + 2 :]}" for at in range(len(key) - 1)]
