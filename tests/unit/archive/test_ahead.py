"""Files come in the order in which they are asked for, read before, and whatever was asked for is what comes."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.archive import ahead
from jobs.archive.ahead import Ahead
from jobs.archive.errors import MemberRefused
from jobs.archive.opening import Archive, Member, opened
from tests.archives import FORCES, name_of, row, write_zip

KNOWN = frozenset({"anti-social-behaviour"})


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """A file of each force, with as many crimes as its place in the order."""
    forces = enumerate(sorted(FORCES), 1)
    files = {name_of(force): [row(force=FORCES[force])] * count for count, force in forces}
    with opened(write_zip(tmp_path / "2024-01.zip", files)) as found:
        yield found


def of(archive: Archive, order: list[Member]) -> Ahead:
    reading = Ahead(archive, deque(order))
    reading.know(KNOWN)
    return reading


def test_each_comes_as_often_as_it_is_asked_for(archive: Archive) -> None:
    order = [*archive.members, *archive.members]
    with of(archive, order) as reading:
        assert [reading.take(one).read for one in order] == [1, 2, 3, 1, 2, 3]


def test_those_that_nobody_asks_for_are_given_up(archive: Archive) -> None:
    btp, dorset, hampshire = archive.members
    with of(archive, [btp, dorset, hampshire, btp]) as reading:
        assert [reading.take(one).read for one in (btp, hampshire, btp)] == [1, 3, 1]


def test_no_more_is_read_ahead_than_there_is_memory_for(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    btp, dorset, hampshire = archive.members
    monkeypatch.setattr(ahead, "MOST", dorset.size)
    with of(archive, list(archive.members)) as reading:
        reading.take(btp)
        assert list(reading.left) == [hampshire]


def test_one_that_is_refused_is_so_when_it_is_asked_for(tmp_path: Path) -> None:
    broken, fine = name_of("btp"), name_of("dorset")
    files = {broken: b"something else", fine: [row(force=FORCES["dorset"])]}
    with opened(write_zip(tmp_path / "2024-01.zip", files)) as found, of(found, list(found.members)) as reading:
        with pytest.raises(MemberRefused, match="btp"):
            reading.take(found.members[0])
        assert reading.take(found.members[1]).read == 1


def test_a_category_that_comes_to_be_known_is_so_in_files_read_already(archive: Archive) -> None:
    with Ahead(archive, deque(archive.members)) as reading:
        reading.know(frozenset())
        first = reading.take(archive.members[0])
        reading.know(KNOWN)
        second = reading.take(archive.members[1])
    assert ([len(first.aside), len(second.aside)], len(second.columns)) == ([1, 0], 2)
