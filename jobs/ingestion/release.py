"""A light look each day whether the source has released anything new."""

from typing import Any

from jobs import context, results
from jobs.catalogue import FollowUp, job
from jobs.crimes import newest_month
from jobs.ingestion.police import Police


def _ingest_news(result: dict[str, Any] | None) -> list[FollowUp]:
    """The new month. Without a result the source was not heard: tomorrow it is asked again."""
    return [FollowUp("ingest_latest_crime_data")] if result and result["is_new"] and result["ingest"] else []


@job(
    queue="maintenance",
    slug="watch-release",
    # Releases come about monthly, on no fixed day.
    cron="30 5 * * *",
    joins_running=True,
    follow_ups=_ingest_news,
    remedies={"source_not_asked": "Ask the source"},
    result=results.ReleaseWatched,
)
def watch_for_release() -> dict[str, Any]:
    """Ask the source for its newest month, and start an ingestion if it is missing."""
    here = context.current()
    released = Police.of_run(here).last_updated().replace(day=1)
    with here.connection.begin():
        held = newest_month(here.connection)
    return {
        "task": "watch_for_release",
        "released": released.isoformat(),
        "newest_held": held.isoformat() if held else None,
        "is_new": held is None or released > held,
        "ingest": here.settings.ingest_releases,
    }
