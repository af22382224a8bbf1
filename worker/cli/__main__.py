"""`python -m worker.cli`, the same as `safegrid`."""

from worker.cli import main

main()
