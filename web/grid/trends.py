"""A cell's trend in words and as a chart."""

from typing import Any, Final

from jobs.months import months_from, months_text, parse_month
from web.html import charts

USES: Final = {"recent": "newest", "earlier": "usual", None: ""}


def of(found: dict[str, Any]) -> dict[str, Any]:
    """What the template shows of a trend, as the API has it."""
    return {"trend": found, "verdict": _verdict(found), "trend_chart": _chart(found), "uses": USES}


def _verdict(found: dict[str, Any]) -> str:
    if found["more_than_usual"] is None:
        return f"Cannot tell whether there are more crimes than usual: {found['why_not']}."
    recent, earlier = (months_text(map(parse_month, found[f"{one}_months"])) for one in ("recent", "earlier"))
    crimes = f"{found['recent']:,} {'crime' if found['recent'] == 1 else 'crimes'}"
    begin = "More than usual" if found["more_than_usual"] else "Not more than usual"
    return f"{begin}: {crimes} in {recent}; by {earlier}, {found['expected']:,.1f} would be usual."


def _chart(found: dict[str, Any]) -> str:
    held = {one["month"]: one for one in found["months"]}
    every = [f"{one:%Y-%m}" for one in months_from(parse_month(min(held)), parse_month(max(held)))]
    words = f"Crimes of every ingested month, {every[0]} to {every[-1]}"
    return charts.bars([_bar(month, held.get(month)) for month in every], words)


def _bar(month: str, held: dict[str, Any] | None) -> charts.Bar:
    if held is None:
        return charts.Bar(0, f"{month}: not ingested", "absent")
    use = USES[held["use"]]
    return charts.Bar(held["crimes"], f"{month}: {held['crimes']}{f', {use}' if use else ''}", use or "other")
