"""The page of a lineage in a real browser, from a file: names, hover, search, zoom, and nothing asked of anybody.

Set PICTURES_OF_PAGES to a folder to look at what was seen.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.chromium import Page, in_chromium
from support.cli import track_here as track
from support.lineages import many_runs
from track.cli.drawing import html
from track.model.digest import digest_of
from track.model.lineage import History
from track.model.record import Record, Used, run_id

pytestmark = pytest.mark.needs("chromium")

TITLES = "[...document.querySelectorAll('svg .node > title')].map(one => one.textContent.split('\\n')[0])"
SEEN = """(selector => {
    const box = document.querySelector(selector).getBoundingClientRect();
    const room = document.getElementById('stage').getBoundingClientRect();
    return box.left >= room.left && box.right <= room.right && box.top >= room.top && box.bottom <= room.bottom;
})"""
IN_SIGHT = """[...document.querySelectorAll('.legend text')].every(one => {
    const box = one.getBoundingClientRect();
    return box.width > 20 && document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === one;
})"""
OUTSIDE = """[...document.querySelectorAll('svg .node')].filter(node => {
    const text = node.querySelector('text').getBBox(), box = node.querySelector('.box').getBBox();
    return text.x < 4 || text.x + text.width > box.width - 4;
}).map(node => node.querySelector('text').textContent)"""


async def photograph(page: Page, name: str) -> None:
    if folder := os.environ.get("PICTURES_OF_PAGES"):
        await page.picture(Path(folder) / f"{name}.png")


def page_of(repo: Path, *words: str) -> str:
    """The page in a file, as an address."""
    file = repo.parent / "lineage.html"
    file.write_text(track(*words, "--format", "html", cwd=repo).ok().out, encoding="utf-8")
    return file.as_uri()


def test_a_small_page_is_looked_at_and_used(repo: Path, tmp_path: Path) -> None:
    track("init", cwd=repo).ok()
    hostile = "<img src=http://127.0.0.1:9/x onerror=alert(1)>"
    many_runs(repo, range(3), 2, name=hostile)
    address = page_of(repo, "deps", "sim.py")

    async def work(page: Page) -> None:
        await page.open(address)
        assert await page.value("document.title") == "deps of sim.py"
        runs, made = [f"run {n}" for n in range(3)], [f"{hostile} {n} {k}" for n in range(3) for k in range(2)]
        assert sorted(await page.value(TITLES)) == sorted(["sim.py", *runs, *made])
        legend = "[...document.querySelectorAll('svg .legend text')].map(one => one.textContent)"
        assert await page.value(legend) == ["Codes", "Artifacts", "Runs"]
        assert await page.value(IN_SIGHT)
        assert await page.value(f"['.start', '#n1', '#n8'].every({SEEN})")  # what is small is shown as a whole
        assert await page.value("document.images.length") == 0  # a name is text

        assert await page.value("document.getElementById('tip').hidden")
        await page.hover("#n1")
        await page.wait("!document.getElementById('tip').hidden")
        assert (await page.value("document.getElementById('tip').textContent")).startswith("run 0\nrun run 0 (")
        await photograph(page, "small-hover")
        await page.hover("h1")
        await page.wait("document.getElementById('tip').hidden")

        await page.click("#n1")
        await page.wait("document.querySelectorAll('.node.faded').length === 6")  # the code, the run, what it made stay
        assert await page.value("document.querySelectorAll('.edge:not(.faded)').length") == 3
        assert (await page.value("document.getElementById('about').textContent")).startswith("run 0")

        await page.click("#search")
        await page.type("2 1")
        await page.wait("document.getElementById('count').textContent === '1 found'")
        assert await page.value("document.querySelector('.found > title').textContent.startsWith('<img')")
        assert await page.value(f"{SEEN}('.found')")

        width = await page.value("document.querySelector('#stage svg').getBoundingClientRect().width")
        await page.click("#in")
        await page.wait(f"document.querySelector('#stage svg').getBoundingClientRect().width > {width} * 1.2")
        await page.click("#all")
        await page.wait(f"document.querySelector('#stage svg').getBoundingClientRect().width <= {width}")
        assert await page.value("document.querySelectorAll('.faded').length") == 0
        await photograph(page, "small")

    _, asked = in_chromium(tmp_path / "room", work)
    assert asked == [address]


def test_names_stay_inside_their_boxes(tmp_path: Path) -> None:
    names = ("W" * 40, "m" * 22, "数据集" * 12, "MODEL_WEIGHTS_FINAL_COPY_2", "a/rather/long/path/to/results.parquet")
    codes = [
        Used("code", digest_of(name.encode()), 5, name=name) for name in ("code at 1234abcd and changes", "WM" * 20)
    ]
    made = [Used("output", digest_of(name.encode()), 5, name=name) for name in names]
    began = datetime(2026, 11, 1, tzinfo=UTC)
    record = Record(
        id=run_id(1, bytes(10)), name="A RUN WITH WIDE LETTERS: MMMMWWWW", status="completed", started=began,
        ended=began + timedelta(seconds=1), artifacts=(*codes, *made),
    )  # fmt: skip
    history = History([record])
    start = history.run(record.id)
    assert start is not None
    for number, graph in enumerate((history.downstream(start), history.upstream(start))):
        file = tmp_path / f"{number}.html"
        file.write_text(html(graph, "names"), encoding="utf-8")

        async def work(page: Page, address: str = file.as_uri(), number: int = number) -> list[str]:
            await page.open(address)
            await photograph(page, f"names-{number}")
            outside: list[str] = await page.value(OUTSIDE)
            return outside

        assert in_chromium(tmp_path / f"room-{number}", work)[0] == []


def test_a_page_of_thousands_of_nodes_is_usable(repo: Path, tmp_path: Path) -> None:
    track("init", cwd=repo).ok()
    many_runs(repo, range(80), 40)
    address = page_of(repo, "deps", "sim.py")

    async def work(page: Page) -> None:
        await page.open(address)
        names = await page.value(TITLES)
        assert len(names) == 3_281 and {"sim.py", "run 79", "result 79 39"} <= set(names)
        assert await page.value(f"{SEEN}('.start')")  # what was asked for is in sight
        assert await page.value(IN_SIGHT)
        await photograph(page, "large-start")
        await page.click("#search")
        await page.type("result 41 ")
        await page.wait("document.getElementById('count').textContent === '40 found, this is 1'")
        assert await page.value(f"{SEEN}('.found')")
        assert await page.value(IN_SIGHT)  # wherever the picture was moved to
        await photograph(page, "large-found")
        await page.click(".found")
        await page.wait("document.querySelectorAll('.node:not(.faded)').length === 3")  # with its run and the code
        await page.click("#all")
        await page.wait(f"{SEEN}('svg .node') && document.querySelectorAll('.faded').length === 0")
        await photograph(page, "large")

    _, asked = in_chromium(tmp_path / "room", work)
    assert asked == [address]


def test_a_page_that_loads_something_is_found_out(tmp_path: Path) -> None:
    file = tmp_path / "asks.html"
    file.write_text("<title>asks</title><img src='http://127.0.0.1:9/picture.png'>")

    async def work(page: Page) -> None:
        await page.open(file.as_uri())

    _, asked = in_chromium(tmp_path / "room", work)
    assert asked == [file.as_uri(), "http://127.0.0.1:9/picture.png"]
