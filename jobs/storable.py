"""Texts as the engines can store them: PostgreSQL knows no NUL, and UTF-8 no half of a surrogate pair."""

from typing import Any

LONGEST = 100_000
"""Characters of a text that only people read, such as a traceback."""


def storable(value: Any) -> Any:
    """The value with what cannot be stored written as an escape; in its texts, and in those of its lists and dicts."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    if isinstance(value, dict):
        return {storable(key): storable(one) for key, one in value.items()}
    return value


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text without its middle, where it is too long: how it begins and ends says most."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters are left out …\n{text[-half:]}"
