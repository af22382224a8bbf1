"""A work-horse that is killed in the middle of an archive is replaced, and goes on behind the last file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.archives import FORCES, ID, name_of, row, write_zip
from tests.processes import REQUESTER, kill, safegrid, until, work_horse
from worker import attempts
from worker.client import Client
from worker.settings import Settings

MONTHS = [f"2023-{month:02d}" for month in range(1, 13)]
KINDS = ("Anti-social behaviour", "Burglary", "Drugs")
EACH = 3_000


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with Client(settings) as client:
        yield client


def rows_of(month: str, seed: int) -> list[str]:
    return [
        row(
            round(50.86 + number % 700 / 10_000, 6),
            round(-1.5 + (number * seed) % 900 / 10_000, 6),
            month=month,
            crime_id=ID(number * 100 + seed) * (number % 3 > 0),
            kind=KINDS[number % 3],
        )
        for number in range(EACH)
    ]


def counts(client: Client, query: str) -> dict[str, int]:
    with client.engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(text(query))}


@pytest.mark.long
def test_a_kill_in_the_middle_loses_and_doubles_nothing(client: Client, settings: Settings, tmp_path: Path) -> None:
    files = {name_of(month=month): rows_of(month, seed) for seed, month in enumerate(MONTHS, 1)}
    write_zip(tmp_path / "2023-12.zip", {**files, name_of("dorset", MONTHS[0]): [row(force=FORCES["dorset"])]})
    run_id = client.submit("ingest_archive", {"archive": "2023-12.zip"}, REQUESTER).run_id
    month_by_month = "SELECT to_char(month, 'YYYY-MM'), count(*) FROM crime_incidents GROUP BY 1"
    options = {"SAFEGRID_IMPORT_FOLDER": str(tmp_path), "SAFEGRID_PIPELINES": "no"}
    with safegrid(settings, "worker", "ingestion", log=tmp_path / "log", **options):
        for held in (2, 5):
            until(lambda held=held: len(counts(client, month_by_month)) >= held, f"{held} months are held")
            kill(work_horse(client, run_id))
        run = client.wait(run_id, 120)
    assert run.state == "finished", run.error
    assert counts(client, month_by_month) == dict.fromkeys(MONTHS, EACH)
    assert run.result["total_records"] == EACH * len(MONTHS)
    ended = "SELECT to_char(month, 'YYYY-MM'), count(*) FROM ingestion_runs WHERE status = 'success' GROUP BY 1"
    assert counts(client, ended) == dict.fromkeys(MONTHS, 1)
    assert counts(client, "SELECT 'staged', count(*) FROM staged_pulls") == {"staged": 0}
    with client.engine.connect() as connection:
        assert [attempt.outcome for attempt in attempts.of(connection, run_id)] == ["lost", "lost", "finished"]
