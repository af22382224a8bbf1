"""A cell's crimes of two periods, in words."""

from typing import Any


def of(found: dict[str, Any]) -> dict[str, Any]:
    """What the template shows of a change, as the API has it."""
    return {"change": found, "change_said": _said(found)}


def _said(found: dict[str, Any]) -> str:
    months, before = found["months"], found["months_before"]
    if not months:
        return "For none of these months, the month to compare it with is ingested."
    now = f"{found['crimes']:,} crimes in {_span(months)}"
    return f"{now}, {found['crimes_before']:,} in {_span(before)}: {_judged(found)}."


def _span(months: list[str]) -> str:
    return months[0] if len(months) == 1 else f"{len(months)} months from {months[0]} to {months[-1]}"


def _judged(found: dict[str, Any]) -> str:
    if not found["comparable"]:
        return "not comparable, because the land was not ingested or not supplied in all of these months"
    change = _size(found["ratio"])
    return f"{change}, within chance" if found["within_chance"] else f"{change}, more than chance"


def _size(ratio: float | None) -> str:
    """Of crimes a day."""
    if ratio is None:
        return "there were none before"
    if ratio >= 2:
        return f"{ratio:,.1f} times as many"
    percent = round(abs(ratio - 1) * 100)
    return "as many" if not percent else f"{percent} % {'more' if ratio > 1 else 'fewer'}"
