"""Readers at work while the grid is rebuilt: each answer is of one grid, and none outlives the grid it is of."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from gzip import decompress
from typing import Any, Self

from apiflask import APIFlask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Connection

from jobs import areas, context
from jobs.grid import period
from jobs.grid.publishing import publish_grid_generation
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.grid.snapshots import unsealed
from jobs.held import land
from tests.gridded import Place, build, hold
from tests.web.conftest import BEARER
from worker.settings import Settings

GRID = "/api/v1/grid"
REBUILDS, READERS = 12, 3
MONTHS = ["2023-11", "2023-12", "2024-01"]
QUESTIONS = [
    {"resolution": 10},
    {"resolution": 8},
    {"resolution": 9, "category": "drugs"},
    {"scheme": "ons"},
    {"resolution": 5},
    {"resolution": 6, "scheme": "ons"},
]


def state(number: int, month: str) -> list[Place]:
    """A month of rebuild `number`: the number is what each cell counts, and the months have different cells."""
    lat = 50.86 + MONTHS.index(month) * 0.03
    return [Place(month, lat, -1.48 + step * 0.02, "drugs") for step in range(4) for _ in range(number)]


def hold_state(connection: Connection, number: int) -> None:
    for month in MONTHS:
        hold(connection, month, state(number, month))


def numbers(document: dict[str, Any]) -> set[int]:
    """What the cells count; at most one number where the answer is of one grid."""
    counts = [feature["properties"]["crimes"] for feature in document["features"]]
    # Of the coarse cells, each holds several of the twelve places.
    return {sum(counts) / 12} if document["resolution"] < 8 else {*counts}


class Readers:
    """Threads that read while the block is at work, and what they saw."""

    def __init__(self, app: APIFlask) -> None:
        self._app = app
        self._done = threading.Event()
        self._read = threading.Semaphore(0)
        self.seen: dict[int, set[int]] = defaultdict(set)
        """{generation: what its cells were seen to count}"""
        self.torn: list[set[int]] = []

    def __enter__(self) -> Self:
        self._threads = ThreadPoolExecutor(READERS)
        self._readers = [self._threads.submit(self._hammer, which) for which in range(READERS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._threads.shutdown()
        self.answers = sum(reader.result() for reader in self._readers)

    def wait(self) -> None:
        """Until somebody has read once more."""
        assert self._read.acquire(timeout=30)

    def _hammer(self, which: int) -> int:
        program: FlaskClient = self._app.test_client()
        answers = 0
        while not self._done.is_set():
            answer = program.get(GRID, query_string=QUESTIONS[(which + answers) % len(QUESTIONS)], headers=BEARER)
            assert answer.status_code == 200, answer.text
            document: Any = answer.json
            is_whole = document["resolution"] < 8 or len(document["features"]) == 12
            if len(found := numbers(document)) != 1 or not is_whole:
                self.torn.append(found)
            self.seen[document["generation"]] |= found
            answers += 1
            self._read.release()
        return answers


def test_no_reader_sees_two_grids_and_none_leaves_a_stale_answer(app: APIFlask, settings: Settings) -> None:
    with context.open_context(settings) as here:
        here.report_progress = lambda *_: None
        hold_state(here.connection, 1)
        rebuild_safety_grid()
        with Readers(app) as readers:
            for number in range(2, REBUILDS + 2):
                readers.wait()
                hold_state(here.connection, number)
                assert len(rebuild_safety_grid()["months_rebuilt"]) == 3
        assert readers.answers >= REBUILDS
        assert readers.torn == []
        # One generation, one grid; and the readers met many of them.
        assert all(found == {generation} for generation, found in readers.seen.items()), readers.seen
        assert len(readers.seen) > 10
        _assert_nothing_stale(app, settings, {number: number for number in range(1, REBUILDS + 2)})


def test_no_reader_sees_two_grids_where_earlier_ones_are_published_again(app: APIFlask, settings: Settings) -> None:
    with context.open_context(settings) as here:
        here.report_progress = lambda *_: None
        counts = {}
        for number in (1, 2):
            hold_state(here.connection, number)
            rebuild_safety_grid()
            counts[number] = number
        with Readers(app) as readers:
            for _ in range(REBUILDS):
                readers.wait()
                newest = max(counts)
                counts[publish_grid_generation(newest - 1)["generation"]] = counts[newest - 1]
        assert readers.torn == []
        assert all(found == {counts[generation]} for generation, found in readers.seen.items()), readers.seen
        assert len(readers.seen) > 5
        _assert_nothing_stale(app, settings, counts)


def _assert_nothing_stale(app: APIFlask, settings: Settings, counts: dict[int, int]) -> None:
    """counts: {generation: what its cells count}"""
    program = app.test_client()
    newest = max(counts)
    for question in QUESTIONS:
        for _ in range(2):
            answer: Any = program.get(GRID, query_string=question, headers=BEARER).json
            assert (numbers(answer), answer["generation"]) == ({counts[newest]}, newest)
    with Redis.from_url(settings.redis_url) as redis:
        for key in redis.keys("safety:snapshot:[0-9]*"):
            document = json.loads(decompress(unsealed(key.decode(), redis.get(key)) or b""))
            # A late one may be there for its hour; it stands under the generation that it is of.
            assert key.split(b":")[2] == str(document["generation"]).encode()
            assert numbers(document) == {counts[document["generation"]]}


def test_a_reader_that_is_overtaken_by_a_rebuild_leaves_nothing_that_is_found(
    app: APIFlask, settings: Settings, monkeypatch: Any
) -> None:
    program = app.test_client()
    with context.open_context(settings) as here:
        hold_state(here.connection, 1)
        rebuild_safety_grid()

        def overtaken(held: Callable[..., Any]) -> Callable[..., Any]:
            def read(connection: Connection) -> Any:
                found = held(connection)
                monkeypatch.undo()
                # The reader's transaction has begun; now the grid changes, and its snapshots are dropped.
                hold_state(here.connection, 2)
                rebuild_safety_grid()
                return found

            return read

        monkeypatch.setattr(period, "held_months", overtaken(period.held_months))
        first: Any = program.get(GRID, headers=BEARER).json
        assert (numbers(first), first["generation"]) == ({1}, 1)
        second: Any = program.get(GRID, headers=BEARER).json
        assert (numbers(second), second["generation"]) == ({2}, 2)


def test_whatever_changes_an_answer_makes_a_new_one(app: APIFlask, settings: Settings) -> None:
    program = app.test_client()
    etags: list[str] = []

    def is_new(**question: Any) -> bool:
        answer = program.get(GRID, query_string=question, headers=BEARER)
        etags.append(answer.headers["ETag"])
        return etags.count(etags[-1]) == 1

    with context.open_context(settings) as here:
        connection = here.connection
        with connection.begin():
            land.add(connection, areas.from_box("north", "North", (51.0, -1.55, 51.1, -1.3), ()))
        hold_state(connection, 1)
        hold(connection, "2024-02", [Place("2024-02", 51.0, -1.4, "drugs")], area="north")
        build(connection)
        assert is_new()
        assert is_new(area="southampton-core")
        assert is_new(scheme="cambridge")
        assert not is_new()
        assert not is_new(area="southampton-core")
        # The newest month goes, of the newest generation.
        with connection.begin():
            land.remove(connection, "north")
        assert is_new(area="southampton-core")
        rebuild_safety_grid()
        assert is_new()
        with connection.begin():
            connection.exec_driver_sql("UPDATE crime_weights SET weight = 9 WHERE category = 'drugs'")
        assert is_new(scheme="cambridge")
        assert is_new(category="drugs")
        # The grid is emptied and begun anew: generations start from 1 again, and the answers are others.
        with connection.begin():
            land.remove(connection, "southampton-core")
        assert rebuild_safety_grid()["cells_created"] == 0
        assert is_new()
        with connection.begin():
            land.ensure_default(connection, settings)
        hold_state(connection, 1)
        rebuild_safety_grid()
        assert is_new()
