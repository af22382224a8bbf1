"""`python -m tests.standins.police`: the stand-in as a process. One line says when it is ready."""

import argparse

import click

from tests.standins import process
from tests.standins.police import Archive, PoliceStandin, Synthetic


def _parser() -> argparse.ArgumentParser:
    parser = process.parser("police", __doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", action="append", metavar="PATH", help="archive folder or zip; repeatable")
    source.add_argument("--synthetic", action="store_true", help="a made-up Southampton, labelled as such")
    parser.add_argument("--months", type=int, default=12, help="months of synthetic data (%(default)s)")
    parser.add_argument("--last", metavar="YYYY-MM", help="newest synthetic month (two months before today)")
    parser.add_argument("--published", action="append", metavar="YYYY-MM", help="month on offer; repeatable (all)")
    parser.add_argument("--cap", type=int, default=10_000, help="crimes per answer, above: 503 (%(default)s)")
    parser.add_argument("--rate", type=float, default=15, help="requests a second, above: 429 (%(default)s)")
    parser.add_argument("--burst", type=int, default=30, help="requests at once (%(default)s)")
    return parser


def main() -> None:
    options = _parser().parse_args()
    source = Synthetic(options.months, options.last) if options.synthetic else Archive(*options.data)
    standin = PoliceStandin(
        source,
        published=options.published,
        cap=options.cap,
        rate=None if options.no_limit else options.rate,
        burst=options.burst,
        latency=options.latency,
        port=options.port,
    )
    with standin as police:
        click.echo(f"police stand-in on {police.url}")
        process.wait_for_the_end(options.parent_pid)


if __name__ == "__main__":
    main()
