"""Client of Open-Meteo, https://open-meteo.com/en/docs. Its data is CC BY 4.0: say so wherever it is shown."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import numpy as np
import requests

from jobs.errors import JobError
from jobs.http import SourceChanged, SourceUnavailable, json_of, retrying
from jobs.responses import NotWhole, Response, session
from jobs.scores.days import days_from
from jobs.scores.model import Floats
from jobs.scores.weather.places import Place
from jobs.scores.weather.windows import FIELDS
from jobs.settings import Settings
from jobs.source_requests import SourceRequests

if TYPE_CHECKING:
    from redis import Redis

# One more than for other sources: by the last one, the limit of a minute has passed.
ATTEMPTS: Final = 7
ATTRIBUTION: Final = "Weather data by Open-Meteo.com (CC BY 4.0)"
# Daily variables by field of a window. No daily visibility is offered.
VARIABLES: Final = {
    "temperature": "temperature_2m_mean",
    "precipitation": "precipitation_sum",
    "wind": "wind_speed_10m_max",
    "cloud": "cloud_cover_mean",
    "temperature_min": "temperature_2m_min",
    "temperature_max": "temperature_2m_max",
}


class LimitReached(JobError):
    """The service gives no more today or this hour; asking again soon is of no use."""


# What may come instead of weather.
NoWeather: Final = (SourceUnavailable, SourceChanged, LimitReached)


@dataclass
class OpenMeteo:
    """One conversation with the service; may be used by several threads at once."""

    forecast_url: str
    archive_url: str
    timeout_s: float
    retry_wait_s: float
    attempts: int = ATTEMPTS
    api_key: str = field(default="", repr=False)
    session: requests.Session = field(default_factory=session)
    sent: SourceRequests = field(default_factory=lambda: SourceRequests("weather"))

    @classmethod
    def of(cls, settings: Settings, cache: "Redis | None" = None) -> Self:
        """A client for the service of these settings. cache: where its requests are counted."""
        key = settings.open_meteo_api_key
        return cls(
            forecast_url=_host_for(settings.weather_forecast_url, key),
            archive_url=_host_for(settings.weather_archive_url, key),
            timeout_s=settings.weather_timeout_s,
            retry_wait_s=settings.retry_wait_s,
            api_key=key,
            sent=SourceRequests("weather", cache),
        )

    def forecast(self, places: Sequence[Place], first: dt.date, last: dt.date) -> Floats:
        """Daily weather of each place, (places, days, 7 of FIELDS); nan is not known.

        Raises SourceUnavailable, SourceChanged, LimitReached.
        """
        return self._daily(f"{self.forecast_url}/forecast", places, first, last)

    def archive(self, places: Sequence[Place], first: dt.date, last: dt.date) -> Floats:
        """The same, of the past."""
        return self._daily(f"{self.archive_url}/archive", places, first, last)

    def _daily(self, address: str, places: Sequence[Place], first: dt.date, last: dt.date) -> Floats:
        query = {
            "latitude": ",".join(f"{place.lat:.2f}" for place in places),
            "longitude": ",".join(f"{place.lng:.2f}" for place in places),
            "daily": ",".join(VARIABLES.values()),
            "start_date": first.isoformat(),
            "end_date": last.isoformat(),
            "wind_speed_unit": "ms",
            "timezone": "auto",
        }
        response = retrying(self.retry_wait_s, self.attempts)(self._ask, address, query)
        # One place is answered as itself, several as a list of them.
        responses = response if isinstance(response, list) else [response]
        days = [day.isoformat() for day in days_from(first, (last - first).days + 1)]
        try:
            if len(responses) != len(places):
                raise ValueError(f"{len(responses)} places instead of {len(places)}")
            return np.stack([_place(each["daily"], days) for each in responses])
        except (KeyError, TypeError, ValueError) as error:
            raise SourceChanged(f"{address} did not respond as documented: {error}") from error

    def _ask(self, address: str, query: Mapping[str, str]) -> Any:
        response = self._send(address, query)
        if response.status == 429 and (reason := _reason(response)).startswith(("Daily", "Hourly", "Monthly")):
            raise LimitReached(f"{address} refuses more requests: {reason}")
        return json_of(response, _reason)

    def _send(self, address: str, query: Mapping[str, str]) -> Response:
        key = {"apikey": self.api_key} if self.api_key else {}
        try:
            parameters = {**query, **key}
            return self.sent.whole_response(self.session, "GET", address, timeout_s=self.timeout_s, params=parameters)
        except requests.RequestException as error:
            # The message of others holds the whole address, and with it the key.
            reason = error if isinstance(error, NotWhole) else type(error).__name__
            raise SourceUnavailable(f"{address} did not respond completely: {reason}") from None


def _host_for(address: str, key: str) -> str:
    """Customers have hosts of their own; another address than Open-Meteo's stays as it is."""
    host = urlsplit(address).hostname or ""
    if key and host.endswith(".open-meteo.com") and not host.startswith("customer-"):
        return address.replace(host, f"customer-{host}", 1)
    return address


def _place(daily: Mapping[str, Any], days: Sequence[str]) -> Floats:
    """(days, 7 of FIELDS) from the answer's columns. Raises KeyError, TypeError, ValueError."""
    if daily["time"] != days:
        raise ValueError(f"other days than {days[0]} to {days[-1]}")
    values = np.full((len(days), len(FIELDS)), np.nan)
    for name, variable in VARIABLES.items():
        values[:, FIELDS.index(name)] = np.array(daily[variable], dtype=np.float64)
    return values


def _reason(response: Response) -> str:
    try:
        return str(response.json()["reason"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return response.reason
