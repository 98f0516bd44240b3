"""Lineage as a picture and as a page: every name is there, nothing is loaded, and it stays small."""

import json
import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from track.cli.drawing import html, svg
from track.model.digest import digest_of
from track.model.lineage import Graph, History
from track.model.record import Record, Used, run_id

SVG = "{http://www.w3.org/2000/svg}"
START = datetime(2026, 11, 1, tzinfo=UTC)


def star(runs: int, outputs: int, name: str = "out") -> Graph:
    """One code, many runs of it, many outputs of each."""
    code = Used("code", digest_of(b"code"), 5, name="sim.py")
    records = [
        Record(
            id=run_id(number, bytes(10)), name=f"run {number}", status="completed", started=START,
            ended=START + timedelta(seconds=1), artifacts=(code, *(
                Used("output", digest_of(b"%d %d" % (number, each)), 9, name=f"{name} {number} {each}")
                for each in range(outputs)
            )),
        )
        for number in range(runs)
    ]  # fmt: skip
    history = History(records)
    return history.downstream(history.content(code.digest))


def test_every_node_has_its_name_as_a_title_and_the_legend_says_the_kinds():
    graph = star(3, 2)
    picture = ElementTree.fromstring("\n".join(svg(graph)))
    titles = {(each.text or "").split("\n")[0] for each in picture.iter(f"{SVG}title")}
    assert titles == {node.name for node in graph.nodes}
    texts = [each.text for each in picture.iter(f"{SVG}text")]
    assert texts[:3] == ["Codes", "Artifacts", "Runs"]
    assert len(list(picture.iter(f"{SVG}path"))) == len(graph.edges)
    assert len(picture.findall(f"{SVG}g[@id]")) == len(graph.nodes)


def test_the_page_names_every_node_and_carries_the_graph_as_data():
    graph = star(3, 2)
    page = html(graph, "deps of sim.py")
    assert page.count("<title>") == 1 + len(graph.nodes)
    found = re.search(r'<script id="facts" type="application/json">(.*?)</script>', page)
    assert found is not None
    assert len(json.loads(found[1])["edges"]) == len(graph.edges)
    assert "@@" not in page


def test_a_page_of_thousands_of_nodes_is_small():
    graph = star(80, 40)
    assert len(graph.nodes) == 3_281
    assert len(html(graph, "deps of sim.py").encode()) < 5_000_000


def test_a_hostile_name_is_text():
    name = "</title></script><script>alert(1)</script>\x1b[31m@@rows@@"
    graph = star(1, 1, name=name)
    page = html(graph, name)
    assert page.count("<script") == 2 and "\x1b" not in page
    assert "alert(1)" in page
    ElementTree.fromstring("\n".join(svg(graph)))


def test_nothing_is_loaded_from_anywhere():
    page = html(star(2, 2), "x")
    assert "default-src 'none'" in page
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!#)""", page) == []
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page) == []
