"""Real processes reach both engines through a proxy, and one of 33 kinds of disturbance comes every one to two
seconds.

Then the tables are compared with those of an undisturbed run. A run is *lost* if it has no result, and an effect is
*doubled* if it is there twice. *Status* compares what doctor, the health API and `/metrics` say with what is so: an
alarm is *missed* if something is wrong for more than 60 s and none of them names it, and *false* if one of them
names what has been well for more than 30 s. The disturbances:

- kill -9 of work-horses, workers and sweeps, supervisors, schedulers, the web and both engines; SIGTERM, then SIGKILL;
- SIGSTOP of each kind of process, for 20 s and for good;
- frozen flows and cut connections of Redis and of PostgreSQL; restarts of both; Redis wiped, or back empty;
- PostgreSQL's disk full; junk in every structure of Redis;
- a cancel of a run that waits, is queued, is at work, or is between attempts; a run of an unknown job; a stop in the
  middle of an ingestion of several months.

`BENCH_SEED` chooses the order, `BENCH_DISTURBANCES` the number. `make faults SEED=1 N=200` does the same and prints
each violation; `SIMULATE=5000` simulates sequences instead, with the real SQL and no processes. A host that is cut
off has a test of its own, `tests/integration/test_two_hosts.py`.
"""

import os
from collections.abc import Iterator

from bench.harness import Ratio
from tests.faults.harness import quantile, run
from worker import logs
from worker.settings import Settings

SEED = int(os.environ.get("BENCH_SEED", "1"))
COUNT = int(os.environ.get("BENCH_DISTURBANCES", "200"))
# A claim that a frozen flow holds is free after about 20 s, and its run is pushed again after another minute at most.
RECOVERED_S = 90


def measure() -> Iterator[Ratio]:
    """COUNT disturbances by SEED."""
    logs.configure(Settings(LOG_LEVEL="WARNING"))
    report = run(SEED, COUNT)
    took = [one.seconds for one in report.recoveries]
    detail = f"seed {SEED}, {report.done.total()} disturbances in {report.seconds:.0f} s, {len(took)} recoveries"
    yield Ratio("runs lost", len(report.violations.losses), "runs", 0, "lower", detail)
    yield Ratio("effects doubled", len(report.violations.doubles), "effects", 0, "lower")
    yield Ratio("from a loss to the next attempt, median", quantile(took, 0.5), "s", None, "lower")
    yield Ratio("from a loss to the next attempt, 99th percentile", quantile(took, 0.99), "s", RECOVERED_S, "lower")
    yield Ratio("alarms missed", sum(one.missed for one in report.verdicts), "alarms", 0, "lower")
    yield Ratio("false alarms", sum(one.false for one in report.verdicts), "alarms", 0, "lower")
