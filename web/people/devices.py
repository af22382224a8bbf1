"""The browser of a request, in words by which people tell theirs."""

from flask import request

from jobs.storable import storable
from web.people.store.sessions import Device

LONGEST = 60
# The first that fits: most browsers call themselves by the names of others too.
_BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def device() -> Device:
    """Whence the request comes."""
    return Device(request.remote_addr, named(request.user_agent.string))


def named(agent: str) -> str:
    """`Firefox on Linux`; of an unknown one the beginning of what it calls itself."""
    browser = next((name for mark, name in _BROWSERS.items() if f"{mark}/" in agent), None)
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), None)
    if browser is None:
        return str(storable(agent))[:LONGEST] or "unknown"
    return f"{browser} on {system}" if system else browser
