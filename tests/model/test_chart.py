"""Charts: every point is inside, the greatest is on top, and nothing is drawn from nothing."""

import subprocess
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from track.model.chart import Line, svg_chart, text_chart

NUMBER = st.floats(allow_nan=False, allow_infinity=False)


def test_a_falling_line_falls() -> None:
    drawn = text_chart([Line("loss", range(5), [4.0, 3.0, 2.0, 1.0, 0.0])], "step", width=40, height=5)
    places = [row.index("*") for row in drawn[:5]]
    assert places == sorted(places) and len(set(places)) == 5
    assert drawn[0].split()[0] == "4" and drawn[4].split()[0] == "0" and drawn[-1].strip() == "* loss"
    assert "step" in drawn[-2] and drawn[-2].rstrip().endswith("4")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=6), min_size=1, max_size=3))
def test_whatever_is_finite_is_drawn(rows: list[list[tuple[float, float]]]) -> None:
    lines = [Line(f"<{n}>", [x for x, _ in row], [y for _, y in row]) for n, row in enumerate(rows)]
    drawn = text_chart(lines, "time", width=60)
    assert any("*" in row or len(rows) > 1 for row in drawn[:16])
    found = ElementTree.fromstring(svg_chart(lines, "time"))
    drawn_lines = found.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(drawn_lines) == len(rows)
    for line in drawn_lines:
        for place in line.attrib["points"].split():
            x, y = map(float, place.split(","))
            assert 69 <= x <= 781 and 19 <= y <= 431


def test_very_many_points_keep_their_peaks() -> None:
    ys = [0.0] * 100_000
    ys[54_321] = 1.0
    text = svg_chart([Line("x", range(100_000), ys)], "step")
    assert len(text) < 60_000 and text.count(",20.0") == 1


def test_nothing_is_drawn_from_nothing() -> None:
    assert text_chart([], "step") == [] and "no points" in svg_chart([Line("x", [], [])], "step")


@pytest.mark.parametrize("value", [0.0, -3.5, 1e300, -1.7e308, 1.7e308])
def test_one_value_is_a_line_in_the_middle(value: float) -> None:
    assert any("*" in row for row in text_chart([Line("x", [1], [value])], "step"))


def test_a_name_is_text_and_loads_nothing_of_the_web() -> None:
    name = """<&>"' ]]>"""
    found = ElementTree.fromstring(svg_chart([Line(name, range(2), [1.0, 2.0])], name))
    told = [each.text for each in found.iter() if each.text is not None]
    assert told.count(name) == 3  # the axis, the title of the line, and its label
    look = "import sys, track.model.chart; sys.exit(bool({'urllib', 'http', 'ssl', 'xml'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", look], check=True)
