"""Adding, changing and deleting areas: done and audited, for pages and programs alike."""

from dataclasses import dataclass

from sqlalchemy import Connection

from jobs import areas, catalogue
from jobs.areas import Area, AreaError
from jobs.crimes import outdated_months
from jobs.errors import SafegridError
from jobs.held import land
from jobs.ingestion.store import partly_held
from jobs.regrid import rebuilds
from web.areas.store import known_area
from web.areas.wanted import AreaRefused
from web.http.clients import client, settings
from web.jobs import submission
from web.people import audit


@dataclass(frozen=True)
class Loss:
    """Crimes that a change deletes, as no other area counts them."""

    placed: int
    unplaced: int = 0

    @property
    def crimes(self) -> int:
        """All of them."""
        return self.placed + self.unplaced


class NotConfirmed(SafegridError):
    """Somebody has confirmed another number of crimes than would be deleted now."""

    def __init__(self, slug: str, loss: Loss) -> None:
        self.loss = loss
        super().__init__(
            f"{loss.crimes} crimes of the area {slug} would be deleted. Nothing is changed yet: confirm with this "
            "number."
        )


@dataclass(frozen=True)
class Done:
    """What a change has deleted, and the runs that take it out of the grid."""

    area: Area
    loss: Loss
    run_ids: list[str]


def add(area: Area) -> None:
    """Add an area. Raises AreaRefused when its name is taken."""
    try:
        with client().engine.begin() as connection:
            land.add(connection, area)
    except AreaError as error:
        raise AreaRefused({"slug": str(error)}) from None
    audit.note("added", f"the area {area.slug}")


def lost_by_removing(slug: str) -> tuple[Area, Loss]:
    """The area, and what is deleted with it; 404 where there is none of that name."""
    with client().engine.begin() as connection:
        return known_area(connection, slug), _loss(connection, slug)


def _loss(connection: Connection, slug: str) -> Loss:
    return Loss(land.alone(connection, slug), land.unplaced_alone(connection, slug))


def remove(slug: str, confirmed: int, origin: str) -> Done:
    """Delete an area with `confirmed` crimes. Raises NotConfirmed; 404 where there is none of that name."""
    with client().engine.begin() as connection:
        # What is counted is what is deleted: in between, nothing comes in.
        areas.lock(connection)
        area, loss = known_area(connection, slug), _loss(connection, slug)
        if loss.crimes != confirmed:
            raise NotConfirmed(slug, loss)
        land.remove(connection, slug)
    audit.note("deleted", f"the area {slug} with {loss.crimes} crimes")
    return Done(area, loss, _rebuild(origin))


def lost_by_moving(area: Area) -> Loss:
    """What is deleted where the area of that slug gets this border; 404 where there is none."""
    with client().engine.begin() as connection:
        known_area(connection, area.slug)
        return Loss(land.lost_by_resizing(connection, area))


def move(area: Area, confirmed: int, origin: str) -> Done:
    """Give the area of that slug this border, which deletes `confirmed` crimes. Raises as `remove` does."""
    with client().engine.begin() as connection:
        areas.lock(connection)
        known_area(connection, area.slug)
        loss = Loss(land.lost_by_resizing(connection, area))
        if loss.crimes != confirmed:
            raise NotConfirmed(area.slug, loss)
        land.resize(connection, area)
    audit.note("changed", f"the border of the area {area.slug}, with {loss.crimes} crimes deleted")
    return Done(area, loss, [*_rebuild(origin), *_bring_in(area.slug, origin)])


def _bring_in(slug: str, origin: str) -> list[str]:
    """Ask for what the new border adds. Returns the id of the run, if there is something."""
    with client().engine.begin() as connection:
        if not partly_held(connection, slug):
            return []
    job = catalogue.remedy("area_held_in_part").job
    return [submission.submit(job, {"area": slug}, origin).run_id]


def _rebuild(origin: str) -> list[str]:
    """Ask for the grid of the months that are held otherwise than it stands. Returns the ids of the runs."""
    with client().engine.begin() as connection:
        months = outdated_months(connection, settings().h3_resolution)
    known = catalogue.load()
    return [submission.submit(known[one.job], one.parameters, origin).run_id for one in rebuilds(months)]
