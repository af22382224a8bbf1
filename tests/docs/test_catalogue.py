"""The pages that list jobs list them as the catalogue has them."""

from typing import Any

from jobs import catalogue
from jobs.catalogue import Job
from tests.docs.pages import in_code, tables

PAGE = "docs/catalogue.md"
HEADER = "| job | slug | queue | cadence (UTC) | parameters |"
# Ids have the bounds of JSON's numbers, which tell nobody anything.
LARGEST = 2**53


def ours() -> list[Job]:
    return [job for job in catalogue.load().values() if job.path.startswith("jobs.")]


def parameter(name: str, schema: dict[str, Any]) -> str:
    text = f"`{name}`" if "default" in schema else f"**`{name}`**"
    if schema.get("default"):
        text += f" = {schema['default']}"
    is_bounded = {"minimum", "maximum"} <= schema.keys() and schema["maximum"] < LARGEST
    return f"{text} ({schema['minimum']} to {schema['maximum']})" if is_bounded else text


def rows() -> list[list[str]]:
    return [
        [
            f"`{job.name}`",
            f"`{job.slug}`",
            job.queue,
            f"`{job.cron}`" if job.cron else "",
            ", ".join(parameter(name, schema) for name, schema in job.properties.items()),
        ]
        for job in sorted(ours(), key=lambda job: job.name)
    ]


def test_every_job_is_listed_as_it_is_declared() -> None:
    wanted = rows()
    assert tables(PAGE, HEADER) == wanted, "\n".join(f"| {' | '.join(row)} |" for row in wanted)


def test_every_job_has_a_meaning() -> None:
    explained = [in_code(name) for name, *_ in tables(PAGE, "| job | what it does | what follows |")]
    assert explained == [[job.name] for job in sorted(ours(), key=lambda job: job.name)]


def test_the_jobs_of_the_readme_are_jobs() -> None:
    queues = {job.name: job.queue for job in ours()}
    for name, queue, _ in tables("README.md", "| job | queue | starts by itself (UTC) |"):
        assert queues[name.strip("`")] == queue
