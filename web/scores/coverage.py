"""How much of what is to be warm is in the cache now."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from redis import RedisError

from jobs.scores.cached import Coverage, Weeks, coverage
from jobs.scores.climbing.rows import Route
from jobs.scores.days import DAYS, days_from, today
from jobs.scores.popular import Catalogue
from web.scores.serving import serving

log = structlog.get_logger("safegrid.scores")


@dataclass(frozen=True)
class Warm:
    """What is to be kept warm, and what of it is cached."""

    catalogue: Catalogue
    days: list[dt.date]
    weeks: Weeks | None
    """None while Redis is away."""
    coverage: list[Coverage]

    def riskiest(self, count: int) -> list[Route]:
        """Of the popular routes, those with the highest risk today; behind them, in their order, those not cached."""

        def risk(route: Route) -> float:
            score = self.weeks[route.route_id][0] if self.weeks else None
            return score.uncapped if score else -1.0

        return sorted(self.catalogue.popular, key=risk, reverse=True)[:count]


def read() -> Warm:
    """How much of what is to be warm is cached now. Raises sqlalchemy's errors."""
    days, catalogue = days_from(today(), DAYS), serving().catalogue()
    weeks = _weeks([route.route_id for route in catalogue.popular], days)
    return Warm(catalogue, days, weeks, coverage(weeks, days) if weeks else [])


def _weeks(route_ids: Sequence[int], days: Sequence[dt.date]) -> Weeks | None:
    """What is cached of them; none while Redis is away."""
    try:
        return serving().weeks(route_ids, days)
    except RedisError as error:
        log.warning("score_cache_is_away", error=str(error))
        return None
