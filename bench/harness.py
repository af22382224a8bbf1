"""What a measurement answers, and what is missing where one cannot be made."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


class Missing(Exception):
    """A measurement needs something that is not here; the message names it."""


@dataclass(frozen=True)
class Ratio:
    """One measured number with its goal; `unit` is "x" for a ratio of two measurements of the same run."""

    name: str
    value: float
    unit: str
    goal: float | None
    better: Literal["lower", "higher"]
    detail: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached; without one it always is."""
        if self.goal is None:
            return True
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_seconds(work: Callable[[], object], times: int = 5) -> float:
    """The median of several calls."""
    return statistics.median(seconds(work) for _ in range(times))
