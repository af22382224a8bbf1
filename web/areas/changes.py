"""Adding, changing and deleting areas: done and audited, for pages and programs alike."""

from dataclasses import dataclass

from jobs import areas, catalogue
from jobs.areas import Area, AreaError
from jobs.crimes import outdated_months
from jobs.errors import SafegridError
from jobs.held import land
from jobs.regrid import rebuilds
from web.areas.store import known_area
from web.areas.wanted import AreaRefused
from web.http.clients import client, settings
from web.jobs import submission
from web.people import audit


class NotConfirmed(SafegridError):
    """Somebody has confirmed another number of crimes than would be deleted now."""

    def __init__(self, slug: str, crimes: int) -> None:
        self.crimes = crimes
        super().__init__(
            f"{crimes} crimes of the area {slug} would be deleted: nothing was done. Confirm that number to do it."
        )


@dataclass(frozen=True)
class Done:
    """What a change has deleted, and the runs that take it out of the grid."""

    area: Area
    crimes: int
    run_ids: list[str]


def add(area: Area) -> None:
    """Hold a further area. Raises AreaRefused when its name is taken."""
    try:
        with client().engine.begin() as connection:
            land.add(connection, area)
    except AreaError as error:
        raise AreaRefused({"slug": str(error)}) from None
    audit.note("added", f"the area {area.slug}")


def lost_by_removing(slug: str) -> tuple[Area, int]:
    """The area and how many crimes are deleted with it; 404 where there is none of that name."""
    with client().engine.begin() as connection:
        return known_area(connection, slug), land.alone(connection, slug)


def remove(slug: str, confirmed: int, origin: str) -> Done:
    """Delete an area with `confirmed` crimes. Raises NotConfirmed; 404 where there is none of that name."""
    with client().engine.begin() as connection:
        # What is counted is what is deleted: in between, nothing comes in.
        areas.lock(connection)
        area = known_area(connection, slug)
        if (crimes := land.alone(connection, slug)) != confirmed:
            raise NotConfirmed(slug, crimes)
        land.remove(connection, slug)
    audit.note("deleted", f"the area {slug} with {crimes} crimes")
    return Done(area, crimes, _rebuild(origin))


def lost_by_moving(area: Area) -> int:
    """How many crimes are deleted where the area of that slug gets this border; 404 where there is none."""
    with client().engine.begin() as connection:
        known_area(connection, area.slug)
        return land.lost_by_resizing(connection, area)


def move(area: Area, confirmed: int, origin: str) -> Done:
    """Give the area of that slug this border, which deletes `confirmed` crimes. Raises as `remove` does."""
    with client().engine.begin() as connection:
        areas.lock(connection)
        known_area(connection, area.slug)
        if (crimes := land.lost_by_resizing(connection, area)) != confirmed:
            raise NotConfirmed(area.slug, crimes)
        land.resize(connection, area)
    audit.note("changed", f"the border of the area {area.slug}, with {crimes} crimes deleted")
    return Done(area, crimes, _rebuild(origin))


def _rebuild(origin: str) -> list[str]:
    """Ask for the grid of the months that are held otherwise than it stands. Returns the ids of the runs."""
    with client().engine.begin() as connection:
        months = outdated_months(connection, settings().h3_resolution)
    known = catalogue.load()
    return [submission.submit(known[one.job], one.parameters, origin).run_id for one in rebuilds(months)]
