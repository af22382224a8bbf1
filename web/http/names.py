"""When two names are one."""

import unicodedata


def comparable(name: str) -> str:
    """What names are compared by: without their case and compatibility form, as D146 of the Unicode Standard has it."""
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", name).casefold())
    return unicodedata.normalize("NFKC", once.casefold()).strip()
