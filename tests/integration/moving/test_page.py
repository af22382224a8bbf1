"""The page for the move, step by step, back-out included, as it stands: on a database shaped as SafeRoute's."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, make_url

from tests.docs.blocks import ROOT, Block, blocks
from tests.integration.crimes import change
from tests.integration.moving.conftest import CRIMES, MONTHS
from tests.integration.moving.saferoute import read
from tests.integration.moving.test_views import QUERIES
from tests.processes import environment, safegrid
from tests.standins.police import PoliceStandin, Records
from worker.settings import Settings

PAGE = "docs/moving.md"
HISTORY = {"SAFEGRID_HISTORY_TABLE": "public.route_history"}
# Of the application's table the ids are its own, and the cells of a month are read only after they are built.
COMPARED = {name: query for name, query in QUERIES.items() if "force_id" not in query}


def steps(first: str, last: str = "") -> list[Block]:
    """The consoles of the page from one that has `first` in it to the one that has `last`."""
    found = [one for one in blocks() if (one.file, one.kind) == (PAGE, "console")]
    begin = next(number for number, one in enumerate(found) if first in one.text)
    end = next(number for number, one in enumerate(found) if (last or first) in one.text)
    return found[begin : end + 1]


@pytest.fixture
def application(another: Settings, theirs: Connection) -> Iterator[Callable[[], Connection]]:
    """What connects as the application does, anew."""
    change(theirs, "CREATE ROLE saferoute_app LOGIN")
    change(theirs, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO saferoute_app")
    engine = create_engine(make_url(another.database_url).set(username="saferoute_app"))

    def connect() -> Connection:
        engine.dispose()
        return engine.connect()

    yield connect
    engine.dispose()
    change(theirs, "DROP OWNED BY saferoute_app")
    change(theirs, "DROP ROLE saferoute_app")


@dataclass
class Terminal:
    """A shell with the settings that the page names."""

    settings: Settings
    folder: Path

    def paste(self, first: str, last: str = "") -> str:
        """Run the blocks of the page from one that has `first` in it to the one that has `last`."""
        return "".join(self._bash(one) for one in steps(first, last))

    def _bash(self, block: Block) -> str:
        given = environment(self.settings, PYTHONPATH=str(ROOT), **HISTORY)
        given["DATABASE_URL"] = given["DATABASE_URL"].replace("postgresql+psycopg2://", "postgresql://")
        given["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        # It finds what is not said here: no scheduler runs, and no admin.
        command = ["bash", "-euo", "pipefail", "-c", block.script.replace("safegrid doctor", "safegrid doctor || true")]
        options = {"capture_output": True, "text": True, "timeout": 120}
        done = subprocess.run(command, check=False, env=given, cwd=self.folder, **options)
        assert done.returncode == 0, f"{block.name}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def terminal(another: Settings, tmp_path: Path) -> Iterator[Terminal]:
    records = [
        {"month": one.month, "latitude": one.lat, "longitude": one.lng, "category": one.category} for one in CRIMES
    ]
    with PoliceStandin(Records(records), published=list(MONTHS), rate=None) as police:
        yield Terminal(another.model_copy(update={"police_api_base_url": police.url}), tmp_path)


def answers(connection: Connection) -> dict[str, object]:
    with connection:
        return {name: read(connection, query) for name, query in COMPARED.items()}


def test_each_step_works_and_so_does_the_way_back(
    application: Callable[[], Connection], terminal: Terminal, dump: Callable[[], list[str]], theirs: Connection
) -> None:
    before, its_own = dump(), answers(application())
    assert "in schema safegrid" in terminal.paste("safegrid migrate")
    with safegrid(terminal.settings, "worker", log=terminal.folder / "worker", **HISTORY):
        compared = terminal.paste("safegrid run backfill", "FULL JOIN")
        for month in MONTHS:
            assert f"{month}-01 |       120 |      120" in compared
        assert answers(application()) == its_own
        terminal.paste("safegrid views create")
        assert answers(application()) == its_own
        with application() as connection:
            kind = "SELECT relkind::text FROM pg_class WHERE oid = 'safety_cells'::regclass"
            assert read(connection, kind) == [("v",)], "it reads the view"
        assert '"records_deleted": 20' in terminal.paste("safegrid schedule")
        assert dump() == before, "nothing of theirs is altered"
        terminal.paste("RESET search_path")
        assert answers(application()) == its_own
    terminal.paste("DROP SCHEMA")
    left = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('safegrid', 'safegrid_views')"
    assert read(theirs, left) == [(0,)]
    assert dump() == before, "all is as it was"
