"""`python -m tests.standins.weather`: the stand-in as a process. One line says when it is ready."""

import argparse

import click

from tests.standins import process
from tests.standins.weather import WeatherStandin
from tests.standins.weather.api import Limits


def _parser() -> argparse.ArgumentParser:
    parser = process.parser("weather", __doc__)
    parser.add_argument("--minutely", type=float, default=600, help="weighted calls a minute (%(default)s)")
    parser.add_argument("--hourly", type=float, default=5_000, help="weighted calls an hour (%(default)s)")
    parser.add_argument("--daily", type=float, default=10_000, help="weighted calls a day (%(default)s)")
    return parser


def main() -> None:
    options = _parser().parse_args()
    limits = None if options.no_limit else Limits(options.minutely, options.hourly, options.daily)
    with WeatherStandin(limits=limits, latency=options.latency, port=options.port) as weather:
        click.echo(f"weather stand-in on {weather.url}")
        process.wait_for_the_end(options.parent_pid)


if __name__ == "__main__":
    main()
