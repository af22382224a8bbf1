"""`python -m tests.faults`: the long form. Ends non-zero on any violation."""

import argparse
import sys

from jobs import database, schema
from tests.conftest import settings_at
from tests.faults.harness import run
from tests.simulation.running import simulate
from worker import engines, logs
from worker.settings import Settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--disturbances", type=int, default=200, metavar="N")
    parser.add_argument("--without-web", action="store_true")
    parser.add_argument("--keep-logs", action="store_true", help="after a violation they are kept in any case")
    parser.add_argument(
        "--simulate", type=int, default=0, metavar="SEQUENCES", help="no processes: see tests.simulation"
    )
    options = parser.parse_args()
    logs.configure(Settings(LOG_LEVEL="WARNING"))
    if options.simulate:
        return _simulate(options.seed, options.simulate)
    report = run(options.seed, options.disturbances, with_web=not options.without_web, keep_logs=options.keep_logs)
    sys.stdout.write("\n".join(report.lines()) + "\n")
    return 1 if report.violations else 0


def _simulate(seed: int, sequences: int) -> int:
    """The shortest sequence that fails ends it, as an error."""
    with engines.temporary() as endpoints:
        settings = settings_at(endpoints.database_url, endpoints.redis_url)
        with database.once(settings) as connection:
            schema.migrate(connection)
        report = simulate(settings, sequences, seed)
    sys.stdout.write("\n".join((f"seed {seed}", *report.lines())) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
