"""Areas whose land nobody asked the source for."""

from jobs import areas, context
from jobs.catalogue import FollowUp
from jobs.coverage import cells


def unlocated() -> list[FollowUp]:
    """What asks whose land they are."""
    here = context.current()
    with here.connection.begin():
        every = areas.all_areas(here.connection)
        return [FollowUp("locate_forces", {"area": one.slug}) for one in every if cells.unlocated(here.connection, one)]
