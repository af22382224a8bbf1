"""`python -m tests.mutants`: a sample of small faults, and which of them the tests do not notice."""

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mutants.making import Mutant, of

ROOT = Path(__file__).parents[2]


def _integration(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/integration/test_{name}.py" for name in names)


_LEDGER = _integration(
    "budgets",
    "bystanders",
    "ledger",
    "races",
    "sweep",
    "transitions",
    "cancelling",
    "follow_ups",
    "losses",
    "ends",
    "stranded_pushes",
)
_RISK = tuple(f"tests/unit/test_risk{of}.py" for of in ("_factors", "", "_explanation"))
_SIMULATION = "tests/simulation/test_simulation.py::test_every_sequence_comes_to_its_end"
MODULES: dict[str, Sequence[str]] = {
    "worker/ledger.py": (*_LEDGER, _SIMULATION),
    "worker/attempts.py": (*_LEDGER, _SIMULATION),
    "worker/sweep.py": (*_integration("sweep", "bystanders"), *_LEDGER, _SIMULATION),
    "worker/claim.py": (*_LEDGER, _SIMULATION),
    "worker/occurrences.py": (*_integration("occurrences", "races", "cadences"), _SIMULATION),
    "worker/follow_ups.py": (*_integration("follow_ups", "bystanders", "transitions"), _SIMULATION),
    "jobs/grid/store.py": _integration(
        "grid_store", "grid", "weights", "recelling", "areas", "cell_shapes", "grid_properties"
    ),
    "jobs/grid/rates.py": ("tests/unit/test_rates.py",),
    "jobs/grid/trends/season.py": _integration("trends"),
    "jobs/grid/trends/judge.py": _integration("trends"),
    "jobs/scores/risk/factors.py": _RISK,
    "jobs/scores/risk/similarity.py": ("tests/unit/test_weather_similarity.py", *_RISK),
    "jobs/scores/risk/risk.py": _RISK,
}
"""{module: the tests that concern it, the likeliest first}"""
# An endless loop is noticed too.
LONGEST_S = 400
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@contextmanager
def copy() -> Iterator[Path]:
    """The project in a folder of its own, beside which stands what stands beside it here."""
    with tempfile.TemporaryDirectory(prefix="safegrid-mutants-") as folder:
        there = Path(folder, "safegrid")
        ignored = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".safegrid", ".tools", ".*_cache")
        shutil.copytree(ROOT, there, ignore=ignored)
        Path(folder, "shared").symlink_to(ROOT.parent / "shared")
        yield there


def noticed_by(there: Path, mutant: Mutant) -> str | None:
    """The first test that fails over it."""
    original = (there / mutant.module).read_text()
    (there / mutant.module).write_text(mutant.source)
    try:
        tests = MODULES[mutant.module]
        # Most are noticed in seconds, and the simulation takes a minute.
        return first_failure(there, tests, "-m", "not long") or first_failure(there, tests, "-m", "long")
    finally:
        (there / mutant.module).write_text(original)


def first_failure(
    there: Path, tests: Sequence[str], *selection: str, longest_s: float | None = LONGEST_S
) -> str | None:
    """None if all pass that are selected."""
    options = ("-x", "-q", "-n", "2", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-seed=1")
    command = [sys.executable, "-B", "-m", "pytest", *options, *selection, *tests]
    process = subprocess.Popen(command, cwd=there, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        output, _ = process.communicate(timeout=longest_s)
    except subprocess.TimeoutExpired:
        # As on Ctrl-C, so that the engines of the tests end with them.
        process.terminate()
        process.communicate()
        return f"no end within {longest_s} s"
    if process.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return None
    found = _FAILED.search(output)
    return found[1] if found else output.strip().splitlines()[-1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutants", type=int, default=60, help="size of the sample")
    parser.add_argument("--minutes", type=float, default=60, help="begin no other after so long")
    parser.add_argument("--only", default="", help="part of a module's name")
    options = parser.parse_args()
    every = [one for module in MODULES if options.only in module for one in of(ROOT, module)]
    sample = random.Random(options.seed).sample(every, min(options.mutants, len(every)))
    say(f"{len(every)} mutants of {', '.join(MODULES)}; a sample of {len(sample)} with seed {options.seed}")
    unnoticed, tried, end = [], 0, time.monotonic() + options.minutes * 60
    with copy() as there:
        tests = list(dict.fromkeys(test for mutant in sample for test in MODULES[mutant.module]))
        if failure := first_failure(there, tests, longest_s=None):
            say(f"Without any mutant a test fails: {failure}")
            return 2
        for mutant in sample:
            if time.monotonic() > end:
                break
            tried += 1
            test = noticed_by(there, mutant)
            say(f"{tried:4} {mutant.module}:{mutant.line} {f'noticed by {test}' if test else 'NOT NOTICED'}")
            if test is None:
                unnoticed.append(mutant)
                say(mutant.diff)
    say(f"noticed {tried - len(unnoticed)} of {tried}, not noticed {len(unnoticed)}")
    return 0


def say(text: str) -> None:
    """At once, also into a file."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
