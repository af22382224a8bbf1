"""The judge of coverage over every force-month whose truth is known: no gap is missed, no complete month accused."""

from collections.abc import Iterator

import pytest

from tests import confusion
from tests.conftest import needs
from tests.confusion import confusion as table


@pytest.fixture(autouse=True)
def _real_files() -> None:
    for path in (confusion.FORCE_MONTHS, confusion.HAMPSHIRE):
        needs(str(path), path.exists())


def cases(gaps: bool) -> Iterator[confusion.Case]:
    return confusion.files(confusion.known_gaps() if gaps else [])


@pytest.mark.parametrize("gaps", [True, False], ids=["with known gaps", "without known gaps"])
@pytest.mark.parametrize("level", [confusion.usual, confusion.other_era], ids=["measured then", "measured years away"])
def test_every_street_file_is_judged_as_it_is(gaps: bool, level: confusion.Level) -> None:
    assert table(cases(gaps), level) == {
        "complete": {"complete": 357},
        "missing": {"missing": 7},
        "partial": {"partial": 4},
        "unlabelled": {"unknown": 1},
    }


def test_by_the_other_months_alone_a_damaged_majority_leaves_it_unknown_and_accuses_nobody() -> None:
    found = table(cases(False), confusion.unmeasured)
    assert found["complete"] == {"complete": 357}
    assert found["missing"] == {"missing": 7}
    assert found["partial"] == {"unknown": 4}


def test_a_month_without_a_file_is_missing_as_long_as_the_gap_is_known() -> None:
    assert table(confusion.further_gaps(confusion.known_gaps())) == {"missing": {"missing": 107}}


def test_a_force_that_stopped_is_not_taken_for_complete_though_nobody_noted_the_gap() -> None:
    found = table(confusion.further_gaps([]))["missing"]
    assert found.keys() == {"missing", "unknown"}
    assert found["missing"] > 10 * found["unknown"]


def test_months_that_were_supplied_later_are_complete_as_of_that_release() -> None:
    assert table(confusion.corrected(confusion.known_gaps())) == {"complete": {"complete": 2}}


def test_no_part_of_a_complete_force_is_accused() -> None:
    (verdicts,) = table(confusion.parts()).values()
    assert verdicts.keys() == {"complete", "unknown"}
    assert verdicts["complete"] > 200


def test_a_part_whose_month_lost_most_rows_is_not_called_complete() -> None:
    one = table(confusion.parts(lambda month: 0.37 if (month.year, month.month) == (2024, 2) else 1))
    assert one["partial"].keys() == {"partial", "unknown"}
    assert one["partial"]["partial"] > 10
    most = table(confusion.parts(lambda month: confusion.LEFT[month.month - 1] if month.year == 2024 else 1))
    assert most["partial"].keys() <= {"partial", "unknown"}
    assert all(found["complete"].keys() == {"complete", "unknown"} for found in (one, most))
