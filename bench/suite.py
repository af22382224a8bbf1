"""All tests, as `make test` runs them: the time on the clock for each second of the processors' time.

The tests wait much, so they take less time on two idle cores than one core would work.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.harness import Missing, Ratio

ROOT = Path(__file__).parents[1]


def measure() -> Iterator[Ratio]:
    """Raises Missing where a test fails: what is broken is not measured."""
    before, began = os.times(), time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--maxschedchunk", "1", "--randomly-seed=1"]
    ended = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    took, after = time.monotonic() - began, os.times()
    if ended.returncode:
        raise Missing("a test failed")
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    detail = f"{took:.0f} s on the clock, {busy:.0f} s of the processors"
    yield Ratio("time on the clock to time of the processors", took / busy, "x", None, "lower", detail)
