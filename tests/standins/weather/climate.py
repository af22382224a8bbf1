"""Made-up weather that depends on nothing but the place, the day and the variable."""

import datetime as dt
import hashlib
import math

UNITS = {
    "temperature_2m_mean": "°C",
    "temperature_2m_min": "°C",
    "temperature_2m_max": "°C",
    "precipitation_sum": "mm",
    "wind_speed_10m_max": "m/s",
    "cloud_cover_mean": "%",
}


def daily(lat: float, lng: float, day: dt.date) -> dict[str, float]:
    """A day's weather at a place in degrees, by variable: C, mm, m/s, %. Colder to the poles and in their winter."""
    season = math.cos(2 * math.pi * (day.timetuple().tm_yday - 200) / 365.25)
    hemisphere = 1 if lat >= 0 else -1
    noise = [_noise(lat, lng, day, name) for name in UNITS]
    cloud = 100 * noise[5]
    mean = 26 - 0.5 * abs(lat) + hemisphere * 9 * season + 6 * (noise[0] - 0.5)
    rain = max(0.0, cloud - 45) / 5 * noise[3]
    values = (mean, mean - 2 - 5 * noise[1], mean + 2 + 5 * noise[2], rain, 1 + 14 * noise[4], cloud)
    return {name: round(value, 1) for name, value in zip(UNITS, values, strict=True)}


def _noise(lat: float, lng: float, day: dt.date, name: str) -> float:
    """From 0 to 1."""
    seed = f"{lat:.2f} {lng:.2f} {day} {name}"
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=4).digest()) / 2**32
