"""Areas with crimes, for the tests of pages and API."""

from typing import Any

from jobs import areas
from jobs.held import land
from tests.gridded import Place, build, hold
from worker.client import Client

AREAS, ADMIN = "/api/v1/areas", "/api/v1/admin/areas"
MONTH = "2024-02"
# Inside the first area, which reaches to longitude -1.3; the last one in its east half.
PLACES = [(50.91, -1.5), (50.92, -1.48), (50.93, -1.35)]
EAST = (50.85, -1.4, 51.0, -1.3)
RING = [[-2.2, 53.0], [-2.0, 53.0], [-2.0, 53.1], [-2.2, 53.1], [-2.2, 53.0]]
STOKE: dict[str, Any] = {"type": "Polygon", "coordinates": [RING]}
BOW: dict[str, Any] = {"type": "Polygon", "coordinates": [[[-2, 50], [-1, 51], [-1, 50], [-2, 51], [-2, 50]]]}


def fill(client: Client) -> None:
    """Three crimes of a month in the first area, with their grid."""
    with client.engine.connect() as connection:
        hold(connection, MONTH, [Place(MONTH, *place, "drugs") for place in PLACES])
        build(connection)


def add_east(client: Client) -> None:
    """An area of the east of the first one, with one of its crimes."""
    with client.engine.begin() as connection:
        land.add(connection, areas.from_box("east", "East", EAST, ("hampshire",)))


def slugs(client: Client) -> list[str]:
    with client.engine.begin() as connection:
        return areas.slugs(connection)


def crimes(client: Client) -> int:
    with client.engine.begin() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM crime_incidents").scalar_one())


def audited(client: Client) -> list[tuple[str, str, str]]:
    """Who did what to what, oldest first."""
    with client.engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT who, action, target FROM audit ORDER BY id").all()
    return [tuple(row) for row in rows]


def add_unplaced(client: Client, force: str, count: int) -> None:
    """Crimes of the month that the force gives no place."""
    row = "INSERT INTO unplaced_crimes (force, month, category) VALUES (%s, %s, 'drugs')"
    with client.engine.begin() as connection:
        for _ in range(count):
            connection.exec_driver_sql(row, (force, f"{MONTH}-01"))


def unplaced(client: Client) -> dict[str, int]:
    """{force: crimes without a place}"""
    with client.engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT force, count(*) FROM unplaced_crimes GROUP BY 1").all()
    return {row[0]: row[1] for row in rows}
