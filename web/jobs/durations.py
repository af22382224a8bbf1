"""How long a job takes: the durations of its last runs, as a chart and in words."""

from typing import Any

from flask import url_for

from web.html import charts, formats
from worker import overview

# A month of a daily job, and wide enough to be read.
SHOWN = 30


def chart(timed: Any) -> Any:
    """The durations of a job's last runs as bars; each leads to its run."""
    bars = [
        charts.Bar(
            run.seconds,
            f"{run.created_at:%Y-%m-%d %H:%M} UTC: {run.state}, {formats.duration(run.seconds)}",
            run.state,
            url_for("runs.show", run_id=run.id),
        )
        for run in timed
    ]
    if not bars:
        return charts.bars(bars, "")
    chart = charts.bars(bars, f"Durations of the last {len(bars)} runs: {in_words(timed)}")
    days = [f"{timed[place].created_at:%-d %b}" for place in (0, -1)]
    return charts.with_axes(chart, formats.duration(max(bar.value for bar in bars)), *days)


def in_words(timed: Any) -> str:
    """Median and 95th percentile in words."""
    found = overview.percentiles(timed)
    failed = sum(run.state == "failed" for run in timed)
    words = (
        f"median {formats.duration(found[0])}, 95th percentile {formats.duration(found[1])}"
        if found
        else "no run has finished"
    )
    return f"{words}; {failed} of {len(timed)} failed" if failed else words
