"""Client of the UK police's street-level crime API, https://data.police.uk/docs/."""

import datetime as dt
import functools
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import requests

from jobs.http import ATTEMPTS, SourceChanged, SourceUnavailable, asked_wait_s, json_of, retrying
from jobs.ingestion.pace import Pace
from jobs.months import month_text, parse_month
from jobs.responses import NotWhole, Response, session
from jobs.settings import Box, Settings
from jobs.source_requests import SourceRequests

if TYPE_CHECKING:
    from jobs.context import Context

T = TypeVar("T")
Read = Callable[[list[dict[str, Any]]], T]
"""Makes something of raw records. Where it raises SourceUnavailable the source is asked again."""

# Not in the API's list of forces, though it has unplaced crimes like any other.
UNLISTED_FORCES = ("btp",)
# The source may leave out points on the very edge of a polygon: ask a hair (0.1 m) wider and filter exactly.
PAD_DEGREES = 1e-6
# A thousandth of the box's width: if even that holds too many crimes, something else is wrong.
DEEPEST_SPLIT = 10


# The middle of London, Birmingham, Leeds, Cardiff and Southampton, which have several forces.
BUSY_PLACES = ((51.5074, -0.1278), (52.4797, -1.9027), (53.7974, -1.5438), (51.4781, -3.1777), (50.9047, -1.4043))


class Tile(NamedTuple):
    """A box that is asked for, in degrees, and the points that count for it.

    Tiles are half-open: a point on the seam of several is held by one of them, whatever its record says of itself.
    On the outside, where no other tile is, the area's own border decides.
    """

    box: Box
    held: Box = (-math.inf, -math.inf, math.inf, math.inf)
    depth: int = 0
    """How often it was split."""

    def holds(self, lat: npt.NDArray[np.float64], lng: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Whether points count for this tile; degrees, shape (n,)."""
        south, west, north, east = self.held
        return (south <= lat) & (lat < north) & (west <= lng) & (lng < east)

    def quadrants(self) -> Iterator["Tile"]:
        """Its four parts: every point that it holds is held by exactly one of them."""
        south, west, north, east = self.box
        lat, lng = (south + north) / 2, (west + east) / 2
        outer = self.held
        yield Tile((south, west, lat, lng), (outer[0], outer[1], lat, lng), self.depth + 1)
        yield Tile((south, lng, lat, east), (outer[0], lng, lat, outer[3]), self.depth + 1)
        yield Tile((lat, west, north, lng), (lat, outer[1], outer[2], lng), self.depth + 1)
        yield Tile((lat, lng, north, east), (lat, lng, outer[2], outer[3]), self.depth + 1)


class TooManyCrimes(Exception):
    """The source refuses a polygon of more than 10,000 crimes: ask for its parts."""


@dataclass
class Police:
    """One conversation with the source. `asked` counts its requests."""

    base_url: str
    timeout_s: float
    retry_wait_s: float
    session: requests.Session = field(default_factory=session)
    attempts: int = ATTEMPTS
    """How often a request is made that finds the source away."""
    asked: int = 0
    label: str = ""
    """What the source says of its data, such as synthetic; the police's own says nothing."""
    pace: Pace | None = None
    sent: SourceRequests = field(default_factory=lambda: SourceRequests("police"))
    _counting: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _reading: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(cls, settings: Settings, pace: Pace | None = None) -> "Police":
        """A client for the source of these settings."""
        return cls(settings.police_api_base_url, settings.police_timeout_s, settings.retry_wait_s, pace=pace)

    @classmethod
    def of_run(cls, here: "Context") -> "Police":
        """A client for a run: all of them together keep the source's pace."""
        police = cls.of(here.settings, Pace.of(here.settings, here.cache))
        police.sent.cache = here.cache
        return police

    def months(self) -> list[dt.date]:
        """The months on offer, newest first."""
        return sorted(map(parse_month, self._texts("crimes-street-dates", "date")), reverse=True)

    def last_updated(self) -> dt.date:
        """The month of the newest release."""
        response = self._ask("crime-last-updated")
        try:
            return dt.date.fromisoformat(response["date"])
        except (KeyError, TypeError, ValueError):
            raise SourceChanged(f"{self.base_url}/crime-last-updated responded with {response!r:.200}") from None

    @functools.cached_property
    def forces(self) -> frozenset[str]:
        """Slugs of the forces that the source knows; asked for once."""
        return frozenset((*self._texts("forces", "id"), *UNLISTED_FORCES))

    def force_at(self, lat: float, lng: float) -> str | None:
        """Slug of the force whose land a point in degrees is; none outside of every force."""
        # Six decimals are 0.1 m, and no number is written as 1e-05.
        found = self._ask("locate-neighbourhood", {"q": f"{lat:.6f},{lng:.6f}"}, may_be_missing=True)
        if found is None:
            return None
        try:
            return str(found["force"])
        except (KeyError, TypeError):
            raise SourceChanged(f"{self.base_url}/locate-neighbourhood responded with {found!r:.200}") from None

    def street_crimes(self, tile: Tile, month: dt.date, read: Read[T]) -> T:
        """What `read` makes of the raw records of a tile in that month.

        Raises TooManyCrimes where its quadrants are to be asked for. A tile is asked for a hair wider than it is: what
        it does not hold is another's, or outside of the area.
        """
        query = {"poly": _polygon(tile.box), "date": month_text(month)}
        try:
            return self._read("crimes-street/all-crime", query, "POST", read)
        except TooManyCrimes:
            if tile.depth < DEEPEST_SPLIT:
                raise
            raise SourceUnavailable(
                f"{self.base_url} refuses {month_text(month)} for even the smallest tile {tile.box}"
            ) from None

    def has_crimes(self, month: dt.date) -> bool:
        """Whether the source has crimes of the month at any of a few places that never have none."""
        return any(self._is_busy(*place, month) for place in BUSY_PLACES)

    def _is_busy(self, lat: float, lng: float, month: dt.date) -> bool:
        query = {"lat": str(lat), "lng": str(lng), "date": month_text(month)}
        return bool(self._rows("crimes-street/all-crime", query))

    def unplaced_crimes(self, force: str, month: dt.date, read: Read[T]) -> T:
        """What `read` makes of the raw records of the force's crimes without a place; no polygon ever returns them."""
        query = {"category": "all-crime", "force": force, "date": month_text(month)}
        return self._read("crimes-no-location", query, "GET", read)

    def _read(self, path: str, query: dict[str, str], method: str, read: Read[T]) -> T:
        return self._retrying(lambda: self._read_once(path, query, method, read))

    def _read_once(self, path: str, query: dict[str, str], method: str, read: Read[T]) -> T:
        response = self._send(path, query, method)
        # Only crimes are asked for by POST, because polygons are long.
        if response.status == 503 and method == "POST" and self._is_up():
            raise TooManyCrimes
        # One at a time: what JSON becomes takes ten times its room.
        with self._reading:
            return read(self._list_of(path, json_of(response, lambda _: _asked(query))))

    def _rows(self, path: str, query: dict[str, str] | None = None) -> list[dict[str, Any]]:
        return self._list_of(path, self._ask(path, query))

    def _list_of(self, path: str, found: Any) -> list[dict[str, Any]]:
        if not isinstance(found, list):
            raise SourceChanged(f"{self.base_url}/{path} did not respond with a list, as documented")
        return found

    def _texts(self, path: str, key: str) -> list[str]:
        try:
            return [str(row[key]) for row in self._rows(path)]
        except (KeyError, TypeError):
            raise SourceChanged(f"{self.base_url}/{path} returned a row without {key}") from None

    def _ask(self, path: str, query: dict[str, str] | None = None, *, may_be_missing: bool = False) -> Any:
        """The JSON of the response; none for a 404 where the source says so what is not there."""
        return self._retrying(lambda: self._ask_once(path, query, may_be_missing))

    def _retrying(self, ask: Callable[[], T]) -> T:
        return retrying(self.retry_wait_s, self.attempts)(ask)

    def _ask_once(self, path: str, query: dict[str, str] | None, may_be_missing: bool) -> Any:
        response = self._send(path, query, "GET")
        if may_be_missing and response.status == 404:
            return None
        return json_of(response, lambda _: _asked(query))

    def _send(self, path: str, query: dict[str, str] | None, method: str) -> Response:
        if self.pace:
            self.pace.keep()
        with self._counting:
            self.asked += 1
        params, form = (None, query) if method == "POST" else (query, None)
        try:
            address = f"{self.base_url}/{path}"
            response = self.sent.whole_response(
                self.session, method, address, timeout_s=self.timeout_s, params=params, data=form
            )
        except requests.RequestException as error:
            reason = error if isinstance(error, NotWhole) else type(error).__name__
            raise SourceUnavailable(f"{self.base_url}/{path} did not respond completely: {reason}") from error
        if self.pace and response.status == 429:
            self.pace.turned_away(max(asked_wait_s(response.headers), self.retry_wait_s))
        self.label = response.headers.get("X-Safegrid-Data", self.label)
        return response

    @property
    def source(self) -> str:
        """Where the crimes come from, for people."""
        return f"{self.base_url} ({self.label})" if self.label else self.base_url

    def _is_up(self) -> bool:
        """Tells a polygon of too many crimes from a service that is down: both are 503."""
        try:
            return self._send("crime-last-updated", None, "GET").status == 200
        except SourceUnavailable:
            return False


def _asked(query: dict[str, str] | None) -> str:
    return f"asked for {', '.join(f'{name}={value}' for name, value in query.items()) if query else 'no parameters'}"


def _polygon(tile: Box) -> str:
    south, west, north, east = tile
    south, west, north, east = (
        south - PAD_DEGREES,
        west - PAD_DEGREES,
        north + PAD_DEGREES,
        east + PAD_DEGREES,
    )
    corners = ((south, west), (north, west), (north, east), (south, east))
    # One decimal more than the pad has.
    return ":".join(f"{lat:.7f},{lng:.7f}" for lat, lng in corners)
