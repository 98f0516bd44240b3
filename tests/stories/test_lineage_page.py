"""The page of a lineage in a real browser, from a file: names, hover, search, zoom, and nothing asked of anybody.

Set PICTURES_OF_PAGES to a folder to look at what was seen.
"""

import os
from pathlib import Path

import pytest

from support.chromium import Page, in_chromium
from support.cli import track_here as track
from support.lineages import many_runs

pytestmark = pytest.mark.needs("chromium")

TITLES = "[...document.querySelectorAll('svg .node > title')].map(one => one.textContent.split('\\n')[0])"
SEEN = """(selector => {
    const box = document.querySelector(selector).getBoundingClientRect();
    const room = document.getElementById('stage').getBoundingClientRect();
    return box.left >= room.left && box.right <= room.right && box.top >= room.top && box.bottom <= room.bottom;
})"""


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

        width = await page.value("document.querySelector('svg').getBoundingClientRect().width")
        await page.click("#in")
        await page.wait(f"document.querySelector('svg').getBoundingClientRect().width > {width} * 1.2")
        await page.click("#all")
        await page.wait(f"document.querySelector('svg').getBoundingClientRect().width <= {width}")
        assert await page.value("document.querySelectorAll('.faded').length") == 0
        await photograph(page, "small")

    _, asked = in_chromium(tmp_path / "room", work)
    assert asked == [address]


def test_a_page_of_thousands_of_nodes_is_usable(repo: Path, tmp_path: Path) -> None:
    track("init", cwd=repo).ok()
    many_runs(repo, range(80), 40)
    address = page_of(repo, "deps", "sim.py")

    async def work(page: Page) -> None:
        await page.open(address)
        names = await page.value(TITLES)
        assert len(names) == 3_281 and {"sim.py", "run 79", "result 79 39"} <= set(names)
        assert await page.value(f"{SEEN}('.start')")  # what was asked for is in sight
        await photograph(page, "large-start")
        await page.click("#search")
        await page.type("result 41 ")
        await page.wait("document.getElementById('count').textContent === '40 found, this is 1'")
        assert await page.value(f"{SEEN}('.found')")
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
