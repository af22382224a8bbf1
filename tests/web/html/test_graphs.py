"""Graphs of what follows what: every box right of those that lead to it, whatever leads where."""

import re

from markupsafe import Markup

from web.html.graphs import Node, layered


def drawn(keys: str, *edges: str) -> dict[str, tuple[int, int]]:
    """{key: place} of a graph of these edges, two letters each."""
    nodes = [Node(key, f"the job {key}", f"/jobs/{key}") for key in keys]
    graph = layered(nodes, [(edge[0], edge[1]) for edge in edges], "what follows what")
    boxes = re.findall(r'href="/jobs/(\w)".*?<rect x="(\d+)" y="(\d+)"', graph)
    return {key: (int(x), int(y)) for key, x, y in boxes}


def test_each_is_right_of_all_that_lead_to_it() -> None:
    edges = ("ab", "bc", "ac", "ad", "dc", "cf")
    places = drawn("fcabd", *edges)
    assert all(places[first][0] < places[then][0] for first, then in edges)
    assert len(set(places.values())) == 5


def test_what_leads_back_to_itself_has_an_end() -> None:
    places = drawn("abc", "ab", "bc", "ca", "aa")
    assert len(set(places.values())) == 3


def test_words_are_no_markup_and_what_is_not_there_is_left_out() -> None:
    nodes = [Node("a", "<b>" + "x" * 60, "/a"), Node("b", "b", "/b")]
    graph = layered(nodes, [("a", "b"), ("a", "nobody")], 'a "graph"')
    assert "<b>" not in graph
    assert graph.count('class="edge"') == 1
    assert "x" * 40 in re.findall(r"<title>(.*?)</title>", graph)[0]
    assert "x" * 40 not in re.findall(r"<text[^>]*>(.*?)</text>", graph)[0]
    assert layered(nodes[:1], [], "nothing to draw") == Markup("")
