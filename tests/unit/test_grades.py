import math

import pytest

from jobs.scores.climbing.grades import difficulties, difficulty


@pytest.mark.parametrize(
    ("grade", "expected"),
    [
        ("5.0", 0),
        ("5.1", 1),
        ("5.9", 9),
        ("5.10", 10.5),
        ("5.10a", 10),
        ("5.10b", 10.25),
        ("5.10c", 10.5),
        ("5.10d", 10.75),
        ("5.11a", 11),
        ("5.15d", 15.75),
    ],
)
def test_yosemite_grades_rise_by_one_a_number_and_a_quarter_a_letter(grade, expected):
    assert difficulty(grade) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("grade", "expected"), [("5.9+", 9.25), ("5.9-", 8.75), ("5.10+", 10.75), ("5.10-", 10.25), ("WI4+", 9.85)]
)
def test_plus_and_minus_are_a_quarter(grade, expected):
    assert difficulty(grade) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("grade", "expected"),
    [
        ("5.10a/b", 10.125),
        ("5.11c/d", 11.625),
        ("5.9/5.10a", 9.5),
        ("5.9/10a", 9.5),
        ("5.10/11", 11),
        ("5.8/9", 8.5),
        ("V4/5", 11.8),
        ("V4/V5", 11.8),
        ("WI3 / WI4", 9.0),
        ("M5/6", 9.7),
    ],
)
def test_a_slash_grade_is_the_mean_of_its_two_ends(grade, expected):
    assert difficulty(grade) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("grade", "expected"),
    [
        ("VB", 9.5),
        ("V0", 10),
        ("V10", 14),
        ("WI1", 6),
        ("WI4", 9.6),
        ("AI1", 7),
        ("AI4", 11.2),
        ("M1", 7),
        ("M7", 10.6),
        ("A0", 8),
        ("A3", 11.6),
        ("C2", 10.4),
    ],
)
def test_other_scales_start_and_step_as_published(grade, expected):
    assert difficulty(grade) == pytest.approx(expected)


def test_case_and_surrounding_blanks_do_not_matter():
    assert difficulty(" wi4 ") == difficulty("WI4")
    assert difficulty("5.10A") == difficulty("5.10a")


@pytest.mark.parametrize(
    "grade",
    [
        None,
        "",
        " ",
        "5.16",
        "5.9a",
        "5.",
        "5.10e",
        "Class 4",
        "Grade II",
        "Grade III 5.4",
        "Alaska Grade 2",
        "6a",
        "IV",
        "WI0",
        "AI0",
        "M0",
        "WI",
        "V",
        "V4-5",
        "5.10a/",
        "/",
        "5.10a/b/c",
        "5.9/Class 4",
        "VI 5.8 AI4",
        "5.9 C2",
    ],
)
def test_anything_else_is_unknown(grade):
    assert math.isnan(difficulty(grade))


def test_a_column_of_grades_keeps_its_order():
    assert difficulties(["5.9", None, "V0"]) == pytest.approx([9, math.nan, 10], nan_ok=True)
