"""Open-Meteo's stand-in: `with WeatherStandin() as weather: ... weather.url`."""

from tests.standins.weather.climate import daily
from tests.standins.weather.standin import Call, WeatherStandin

__all__ = ["Call", "WeatherStandin", "daily"]
