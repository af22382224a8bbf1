"""`python -m tests.standins.weather`: the stand-in as a process. One line says when it is ready."""

import argparse

import click

from tests.standins.process import wait_for_the_end
from tests.standins.weather import WeatherStandin
from tests.standins.weather.api import Limits


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.standins.weather", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds per answer (%(default)s)")
    parser.add_argument("--minutely", type=float, default=600, help="weighted calls a minute (%(default)s)")
    parser.add_argument("--hourly", type=float, default=5_000, help="weighted calls an hour (%(default)s)")
    parser.add_argument("--daily", type=float, default=10_000, help="weighted calls a day (%(default)s)")
    parser.add_argument("--no-limit", action="store_true", help="never answer 429")
    parser.add_argument("--parent-pid", type=int, metavar="PID", help="end when this process has ended")
    return parser


def main() -> None:
    options = _parser().parse_args()
    limits = None if options.no_limit else Limits(options.minutely, options.hourly, options.daily)
    with WeatherStandin(limits=limits, latency=options.latency, port=options.port) as weather:
        click.echo(f"weather stand-in on {weather.url}")
        wait_for_the_end(options.parent_pid)


if __name__ == "__main__":
    main()
