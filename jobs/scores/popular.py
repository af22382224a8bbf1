"""The routes as a whole: how many there are, and those that are kept warm."""

from dataclasses import dataclass
from typing import Final, Literal, Self

from sqlalchemy import Connection

from jobs.scores import store
from jobs.scores.climbing.rows import Route

# Of the routes that are kept warm: there may be 168,000.
MOST_LOOKED_UP: Final = 1_000


@dataclass(frozen=True)
class Catalogue:
    """How many routes are held, with coordinates, and to be kept warm; the first of these."""

    held: int
    placed: int
    kept_warm: int
    popular: list[Route]

    def __len__(self) -> int:
        return self.held

    @classmethod
    def read(cls, connection: Connection, warm_routes: int | Literal["all"]) -> Self:
        """As the tables have it now."""
        held, placed = store.route_counts(connection)
        kept_warm = placed if warm_routes == "all" else min(placed, warm_routes)
        return cls(held, placed, kept_warm, store.popular_routes(connection, min(kept_warm, MOST_LOOKED_UP)))
