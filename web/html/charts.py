"""Charts as SVG made here: small, in the page's colours, each with its numbers in words for those who do not see it."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

# In the drawing's own units; the style sheet stretches it.
HEIGHT = 64
_BAR = 8
_GAP = 2
# Of wide bars: a column's width, the height of the scale, and the room above and below for words.
_COLUMN = 48
_TALL = 100
_WORDS = 18


@dataclass(frozen=True)
class Bar:
    """One bar: its value, what it stands for, its kind for the colour, and where it leads."""

    value: float
    label: str
    kind: str = "plain"
    link: str = ""


def bars(given: Sequence[Bar], words: str, *, least: float = 0.0) -> Markup:
    """Bars from left to right. `words` say what the chart shows; `least`: a height of the scale that is never less."""
    if not given:
        return Markup("")
    width = len(given) * (_BAR + _GAP) - _GAP
    highest = max(least, *(bar.value for bar in given)) or 1.0
    drawn = Markup("").join(_bar(index, bar, highest) for index, bar in enumerate(given))
    # A picture holds nothing that can be chosen.
    return _figure("bars", width, words, drawn, role="group" if any(bar.link for bar in given) else "img")


def _bar(index: int, bar: Bar, highest: float) -> Markup:
    # Something that is there is seen, however small.
    height = max(2.0, bar.value / highest * HEIGHT) if bar.value else 1.0
    x, y = index * (_BAR + _GAP), HEIGHT - height
    rect = Markup(
        '<rect class="{}" x="{}" y="{:.1f}" width="{}" height="{:.1f}" rx="1.5"><title>{}</title></rect>'
    ).format(bar.kind, x, y, _BAR, height, bar.label)
    if not bar.link:
        return rect
    return Markup('<a href="{}" tabindex="-1">{}</a>').format(bar.link, rect)


def columns(given: Sequence[Bar], words: str, *, highest: float, marks: Sequence[float] = ()) -> Markup:
    """A few wide bars, each with its value above and its label below; they lead nowhere.

    marks: values with a line across.
    """
    width = len(given) * _COLUMN
    lines = Markup("").join(
        Markup('<line x1="0" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/>').format(width, y=_WORDS + _TALL * (1 - one / highest))
        for one in marks
    )
    drawn = Markup("").join(_column(index, bar, highest) for index, bar in enumerate(given))
    return _figure("columns", width, words, lines + drawn, height=_TALL + 2 * _WORDS)


def _column(index: int, bar: Bar, highest: float) -> Markup:
    # Something that is there is seen, however small.
    height = max(2.0, bar.value / highest * _TALL)
    middle = index * _COLUMN + _COLUMN / 2
    return Markup(
        '<rect class="{}" x="{}" y="{:.1f}" width="{}" height="{:.1f}" rx="2"/><text x="{m}" y="{:.1f}">{:.1f}</text>'
        '<text class="label" x="{m}" y="{}">{}</text>'
    ).format(
        bar.kind,
        # Half a column wide, its value 4 units above it and its label 14 below.
        middle - _COLUMN / 4,
        _WORDS + _TALL - height,
        _COLUMN / 2,
        height,
        _WORDS + _TALL - height - 4,
        bar.value,
        _WORDS + _TALL + 14,
        bar.label,
        m=middle,
    )


def area(values: Sequence[float], words: str, *, least: float = 1.0) -> Markup:
    """A line with the area under it, its steps equally wide."""
    if not values:
        return Markup("")
    highest = max(least, *values)
    # 300 units wide however many values there are: a line can be stretched, bars cannot.
    step = 300 / len(values)
    points = [
        f"{index * step + side:.1f},{HEIGHT - 1 - value / highest * (HEIGHT - 3):.1f}"
        for index, value in enumerate(values)
        for side in (0, step)
    ]
    line = " ".join(points)
    drawn = Markup('<polygon points="0,{0} {1} 300,{0}"/><polyline points="{1}"/>').format(HEIGHT, line)
    return _figure("area", 300, words, drawn, stretch=True)


def stacked(given: Sequence[tuple[Bar, Bar]], words: str) -> Markup:
    """Bars of two parts from left to right, the second above the first."""
    width = len(given) * (_BAR + _GAP) - _GAP
    highest = max((lower.value + upper.value for lower, upper in given), default=0) or 1.0
    drawn = Markup("").join(_stack(index, parts, highest) for index, parts in enumerate(given))
    return _figure("stacked", width, words, drawn, stretch=True)


def _stack(index: int, parts: tuple[Bar, Bar], highest: float) -> Markup:
    drawn, top = Markup(""), float(HEIGHT)
    for part in parts:
        # Something that is there is seen, however small.
        height = max(2.0, part.value / highest * HEIGHT) if part.value else 0.0
        top -= height
        drawn += Markup(
            '<rect class="{}" x="{}" y="{:.1f}" width="{}" height="{:.1f}"><title>{}</title></rect>'
        ).format(part.kind, index * (_BAR + _GAP), top, _BAR, height, part.label)
    return drawn


def with_axes(chart: Markup, highest: str, *along: str) -> Markup:
    """The chart with what its height stands for, with its unit, and what stands along it from left to right.

    Beside the drawing, which may be stretched, as its words may not. They are part of what the drawing says of itself.
    """
    ticks = Markup("").join(Markup("<span>{}</span>").format(tick) for tick in along)
    return Markup(
        '<div class="axes"><span class="most" aria-hidden="true">{}</span>'
        '<span class="least" aria-hidden="true">0</span>{}<div class="along" aria-hidden="true">{}</div></div>'
    ).format(highest, chart, ticks)


def _figure(
    kind: str,
    width: float,
    words: str,
    drawn: Markup,
    *,
    height: float = HEIGHT,
    stretch: bool = False,
    role: str = "img",
) -> Markup:
    ratio = Markup(' preserveAspectRatio="none"') if stretch else Markup("")
    return Markup('<svg class="chart {}" viewBox="0 0 {} {}" role="{}" aria-label="{}"{}>{}</svg>').format(
        kind, width, height, role, escape(words), ratio, drawn
    )
