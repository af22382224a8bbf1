"""How a metric is written."""

from collections.abc import Iterable, Sequence

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

Samples = Iterable[tuple[Sequence[str], float]]
"""The values of the labels, and the value."""


def gauge(name: str, said: str, labels: Sequence[str], samples: Samples) -> Metric:
    """What goes up and down."""
    return _filled(GaugeMetricFamily(f"safegrid_{name}", said, labels=labels), samples)


def counter(name: str, said: str, labels: Sequence[str], samples: Samples) -> Metric:
    """What only goes up; its samples end with _total."""
    return _filled(CounterMetricFamily(f"safegrid_{name}", said, labels=labels), samples)


def single(name: str, said: str, value: float) -> Metric:
    """A gauge without labels."""
    return gauge(name, said, (), [((), value)])


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Samples) -> Metric:
    for values, value in samples:
        family.add_metric(values, value)
    return family
