"""A job whose cadence fires all the time: SAFEGRID_JOB_MODULES=tests.jobs_for_tests,tests.faults.jobs."""

from jobs.catalogue import job


# The sixth field of a cadence is its seconds.
@job(queue="cache", slug="tick", cron="* * * * * */5")
def tick() -> str:
    """Be due every five seconds."""
    return "tock"
