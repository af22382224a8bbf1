"""Small graphs as SVG made here: what follows what, from left to right, each box a link."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

# In pixels: a graph is not stretched, so that its words keep their size.
_BOX = (196, 34)
_GAP = (44, 14)
_MARGIN = 2
# Of a box, in characters of the page's small type.
_LONGEST = 28


@dataclass(frozen=True)
class Node:
    """One box: what it is, its words, its kind for the colour, and where it leads."""

    key: str
    label: str
    link: str
    kind: str = "plain"
    is_here: bool = False
    """Whether it is what the page is about."""


def layered(nodes: Sequence[Node], edges: Iterable[tuple[str, str]], words: str) -> Markup:
    """The nodes in columns, each right of all that lead to it. edges: pairs of keys, first and next.

    `words` say what the graph shows, to those who do not see it. Nothing for less than two nodes.
    """
    keys = {node.key for node in nodes}
    known = [(first, then) for first, then in dict.fromkeys(edges) if {first, then} <= keys and first != then]
    if len(nodes) < 2:
        return Markup("")
    places = _places(nodes, known)
    lines = Markup("").join(_line(places[first], places[then]) for first, then in known)
    boxes = Markup("").join(_box(node, places[node.key]) for node in nodes)
    right = max(x for x, _ in places.values()) + _BOX[0] + _MARGIN
    low = max(y for _, y in places.values()) + _BOX[1] + _MARGIN
    return Markup(
        '<div class="graph" tabindex="0" role="group" aria-label="{}">'
        '<svg viewBox="0 0 {w} {h}" width="{w}" height="{h}"><defs><marker id="arrow" viewBox="0 0 8 8" refX="8" '
        'refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>'
        "{}{}</svg></div>"
    ).format(words, lines, boxes, w=right, h=low)


def _places(nodes: Sequence[Node], edges: Sequence[tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """Upper left corner of each box: its column is the longest way that leads there."""
    columns = dict.fromkeys((node.key for node in nodes), 0)
    # As often as there are nodes: where one leads back to itself, that is the end of it.
    for _ in nodes:
        for first, then in edges:
            columns[then] = min(max(columns[then], columns[first] + 1), len(nodes) - 1)
    rows: dict[int, int] = {}
    places = {}
    for key, column in columns.items():
        row = rows[column] = rows.get(column, -1) + 1
        places[key] = (_MARGIN + column * (_BOX[0] + _GAP[0]), _MARGIN + row * (_BOX[1] + _GAP[1]))
    return places


def _line(first: tuple[int, int], then: tuple[int, int]) -> Markup:
    half = _BOX[1] / 2
    x, y, to_x, to_y = first[0] + _BOX[0], first[1] + half, then[0], then[1] + half
    middle = (x + to_x) / 2
    return Markup('<path class="edge" d="M{} {}C{m} {} {m} {} {} {}" marker-end="url(#arrow)"/>').format(
        x, y, y, to_y, to_x, to_y, m=middle
    )


def _box(node: Node, place: tuple[int, int]) -> Markup:
    label = node.label if len(node.label) <= _LONGEST else f"{node.label[: _LONGEST - 1]}…"
    return Markup(
        '<a href="{}" class="node {}{}"{}><title>{}</title><rect x="{}" y="{}" width="{}" height="{}" rx="6"/>'
        '<text x="{}" y="{}">{}</text></a>'
    ).format(
        node.link,
        node.kind,
        " here" if node.is_here else "",
        Markup(' aria-current="true"') if node.is_here else "",
        node.label,
        *place,
        *_BOX,
        place[0] + _BOX[0] / 2,
        place[1] + _BOX[1] / 2,
        label,
    )
