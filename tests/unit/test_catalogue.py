"""The declarations of the jobs, and how their parameters are checked."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import pytest

from jobs import catalogue
from jobs.catalogue import Job, UnknownJob
from jobs.context import Context, use
from jobs.errors import ParameterError
from jobs.ingestion.run import ingest_month_on_demand
from jobs.parameters import Between
from jobs.settings import Settings

# function, slug, queue, cadence: names that other programs rely on.
PROMISED = [
    ("ingest_latest_crime_data", "ingest-latest", "ingestion", "0 2 2 * *"),
    ("ingest_month_on_demand", "ingest-month", "ingestion", None),
    ("rebuild_safety_grid", "rebuild-grid", "ingestion", "0 3 3 * *"),
    ("cleanup_old_route_history", "cleanup-history", "maintenance", "0 4 * * 0"),
    ("validate_h3_grid_health", "validate-grid-health", "maintenance", None),
]


@pytest.mark.parametrize(("name", "slug", "queue", "cron"), PROMISED)
def test_every_job_has_its_promised_name_slug_queue_and_cadence(
    name: str, slug: str, queue: str, cron: str | None
) -> None:
    job = catalogue.load()[name]
    assert (job.name, job.slug, job.queue, job.cron) == (name, slug, queue, cron)
    assert catalogue.find(name) is catalogue.find(slug) is catalogue.find(job.path) is job
    assert job.summary


def test_the_order_of_the_catalogue_is_not_that_of_the_imports() -> None:
    program = "import jobs.validation, jobs.cleanup, jobs.catalogue; print(list(jobs.catalogue.load()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    names = json.loads(done.stdout.replace("'", '"'))
    assert [name for name in names if name in {row[0] for row in PROMISED}] == [row[0] for row in PROMISED]


def test_importing_the_jobs_reads_no_setting_and_opens_no_connection() -> None:
    program = "from jobs import catalogue; catalogue.load(); print('loaded')"
    wrong = {"DATABASE_URL": "no url", "REDIS_URL": "no url", "H3_RESOLUTION": "no number"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=wrong)
    assert done.stdout == "loaded\n"


def test_an_unknown_job_is_answered_with_the_jobs_there_are() -> None:
    with pytest.raises(UnknownJob, match=r"There is no job rebuild\. Jobs: .*rebuild_safety_grid"):
        catalogue.find("rebuild")


def test_what_is_left_out_gets_its_default() -> None:
    assert catalogue.find("rebuild-grid").validate({}) == {"months": 12, "until": None, "force": False}
    assert catalogue.find("cleanup-history").validate({}) == {"retention_days": 90, "dry_run": False}


@pytest.mark.parametrize(
    ("slug", "name", "lowest", "highest"),
    [
        ("rebuild-grid", "months", 1, 60),
        ("cleanup-history", "retention_days", 1, 365),
    ],
)
def test_both_bounds_of_a_parameter_are_allowed_and_nothing_beyond(
    slug: str, name: str, lowest: int, highest: int
) -> None:
    job = catalogue.find(slug)
    for allowed in (lowest, highest, str(highest)):
        assert job.validate({name: allowed})[name] == int(allowed)
    for refused in (lowest - 1, highest + 1):
        with pytest.raises(
            ParameterError, match=rf"{name}: must be a whole number from {lowest} to {highest} \(given: {refused}\)"
        ):
            job.validate({name: refused})


@pytest.mark.parametrize("flag", [True, False])
def test_true_and_false_are_no_numbers(flag: bool) -> None:
    for slug, name in (("rebuild-grid", "months"), ("cleanup-history", "retention_days")):
        with pytest.raises(
            ParameterError, match=rf"{name}: must be a whole number from 1 to \d+ \(given: {str(flag).lower()}\)"
        ):
            catalogue.find(slug).validate({name: flag})
    assert catalogue.find("rebuild-grid").validate({"force": flag})["force"] is flag


def test_what_was_given_is_not_repeated_at_any_length() -> None:
    with pytest.raises(ParameterError) as caught:
        catalogue.find("rebuild-grid").validate({"months": "9" * 5_000})
    assert len(caught.value.problems["months"]) < 300


def test_one_message_names_every_wrong_parameter() -> None:
    with pytest.raises(ParameterError) as caught:
        catalogue.find("ingest-month").validate({"month": 13, "force": True})
    assert caught.value.problems.keys() == {"year", "month", "force"}
    assert str(caught.value) == (
        "ingest_month_on_demand cannot run with these parameters: year: is required; "
        "month: must be a whole number from 1 to 12 (given: 13); force: is not a parameter of this job"
    )


def test_a_month_that_is_none_is_refused_before_the_grid_is_touched() -> None:
    with pytest.raises(ParameterError, match=r"until: must be a month, YYYY-MM \(given: 2024-13\)"):
        catalogue.find("rebuild-grid").validate({"until": "2024-13"})


def test_the_schema_tells_types_bounds_defaults_and_what_is_required() -> None:
    schema = catalogue.find("ingest-month").parameters.model_json_schema()
    assert schema["required"] == ["year", "month"]
    assert schema["additionalProperties"] is False
    assert (schema["properties"]["month"]["minimum"], schema["properties"]["month"]["maximum"]) == (1, 12)
    months = catalogue.find("rebuild-grid").parameters.model_json_schema()["properties"]["months"]
    assert (months["type"], months["default"], months["minimum"], months["maximum"]) == ("integer", 12, 1, 60)


@pytest.fixture
def doubling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """A job of the test's own, in a copy of the catalogue. It touches neither a database nor a cache."""
    monkeypatch.setattr(catalogue, "_jobs", dict(catalogue.load()))

    @catalogue.job(queue="maintenance", slug="double")
    def double(number: Annotated[int, Between(1, 9)] = 1, *, times: int = 2) -> int:
        """Multiply."""
        return number * times

    nothing: Any = None
    with use(Context(Settings(), nothing, nothing)):
        yield catalogue.find("double")


def test_a_job_is_one_function_with_a_declaration(doubling: Job) -> None:
    assert doubling.function() == 2
    assert doubling.function(3, times=3) == 9
    assert (doubling.summary, doubling.cron, doubling.joins_running) == ("Multiply.", None, False)


def test_a_direct_call_is_given_the_checked_values_as_a_queued_one_is(doubling: Job) -> None:
    assert doubling.function("4") == 8


def test_a_direct_call_with_wrong_parameters_names_them_before_anything_opens() -> None:
    with pytest.raises(ParameterError, match="month: is required"):
        ingest_month_on_demand(2024)  # type: ignore[call-arg]
    with pytest.raises(ParameterError, match=r"year: .*2010.*; month: .*12"):
        ingest_month_on_demand(1999, month=13)
