"""Adding a category: done and audited, for pages and programs alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs import cache, catalogue
from jobs.ingestion import categories
from jobs.ingestion.categories import Readmitted
from jobs.regrid import rebuilds
from web.http.clients import client, settings
from web.jobs import submission
from web.people import audit


@dataclass(frozen=True)
class Added:
    """What came in with a category, and the runs that rebuild the grid of its months."""

    taken: Readmitted
    task_ids: list[str]


def add(slug: str, name: str, weights: Mapping[str, float], origin: str) -> Added:
    """Add a category with its weights {scheme: harm of one crime}. Raises CategoryRefused."""
    with client().engine.begin() as connection:
        taken = categories.add(connection, slug, name, weights, settings().h3_resolution)
    store = cache.connect(settings())
    cache.drop_snapshots(store)
    store.close()
    audit.note("added", f"the category {slug}, and ingested {taken.crimes} crimes")
    known = catalogue.load()
    asked = [submission.submit(known[one.job], one.parameters, origin) for one in rebuilds(taken.months)]
    return Added(taken, [one.run_id for one in asked])
