"""Ids of H3 cells as people and programs write them."""

import re

import h3.api.basic_int as h3

# In hexadecimal as everywhere, or in decimal as some databases show them.
_HEX, _DECIMAL = re.compile("[0-9a-fA-F]{15}"), re.compile("[0-9]{18}")


def number_of(text: str) -> int | None:
    """The cell's 64-bit number; none where the text is no id of a cell."""
    if _HEX.fullmatch(text):
        number = int(text, 16)
    elif _DECIMAL.fullmatch(text):
        number = int(text)
    else:
        return None
    return number if h3.is_valid_cell(number) else None
