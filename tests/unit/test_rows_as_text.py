"""What is written column by column is the JSON that json reads."""

import json

import h3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.grid.paths import rows

NUMBERS = st.floats(-99_999_000, 99_999_000, allow_nan=False)


@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_numbers_are_read_back_to_twelve_decimals(values: list[float]) -> None:
    said = rows.texts(None, *rows.number(np.array(values)))
    assert [json.loads(one) for one in said] == pytest.approx(values, rel=1e-15, abs=6e-13)


@given(st.lists(st.decimals(-180, 180, places=9), min_size=1, max_size=40))
def test_positions_are_given_back_as_they_came(values: list[str]) -> None:
    given_ = np.array([float(one) for one in values])
    said = rows.texts(None, *rows.number(given_))
    assert [json.loads(one) for one in said] == given_.tolist()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "0.0"),
        (12.5, "12.5"),
        (-12.25, "-12.25"),
        (0.999_999_999_999_9, "1.0"),
        (1e-12, "0.000000000001"),
        (0.000_1, "0.0001"),
        (10_000.0, "10000.0"),
        (10_020_000.5, "10020000.5"),
    ],
)
def test_numbers_have_no_more_digits_than_they_need(value: float, text: str) -> None:
    assert rows.texts(None, *rows.number(np.array([value]))) == [text]


@pytest.mark.parametrize("value", [1e8, float("inf"), float("nan")])
def test_what_has_no_room_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="too large"):
        rows.number(np.array([value]))


def test_rows_are_one_text_up_to_each_end() -> None:
    cells = np.array([h3.str_to_int(cell) for cell in sorted(h3.grid_disk("8a195da49a17fff", 1))[:3]])
    said = rows.texts(np.array([0, 2, 2, 3]), b'"', rows.hexadecimal(cells), b'"')
    names = [f'"{h3.int_to_str(cell)}"' for cell in cells.tolist()]
    assert said == ["", f"{names[0]},{names[1]}", "", names[2]]
