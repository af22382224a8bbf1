"""`python -m tests.faults`: the long form. Ends non-zero on any violation."""

import argparse
import sys

from tests.faults.harness import run
from worker import logs
from worker.settings import Settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--disturbances", type=int, default=200, metavar="N")
    parser.add_argument("--without-web", action="store_true")
    parser.add_argument("--keep-logs", action="store_true", help="after a violation they are kept in any case")
    options = parser.parse_args()
    logs.configure(Settings(LOG_LEVEL="WARNING"))
    report = run(options.seed, options.disturbances, with_web=not options.without_web, keep_logs=options.keep_logs)
    sys.stdout.write("\n".join(report.lines()) + "\n")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
