"""Packages that only some exports need."""

from importlib import import_module
from typing import Any

from jobs.errors import SafegridError


class ExtraMissing(SafegridError):
    """A format needs a package that is not installed."""


def needed(module: str, extra: str) -> Any:
    """The module. Raises ExtraMissing, which names the extra that brings it."""
    try:
        return import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        advice = f"install it with `pip install safegrid[{extra}]`"
        raise ExtraMissing(f"This format needs {package}: {advice}") from None
