"""A notebook, executed by the real Jupyter: what its cells show is what somebody needs, and nothing of it runs."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from support.cli import track as cli
from support.notebooks import executed
from support.repositories import commit_all, git, new_repository

CELLS = (
    "import track\nrepo = track.Repo()\nrepo",
    "repo.add('data/train.csv', labels={'ticket': 'AB-123'})",
    "repo.get('data/train.csv')",
    "repo.get('data/train.csv', 'v1')",
    "repo.get('plots')",
    "repo.get('plots').files['dot.png']",
    "ran = repo.run(['python', 'train.py'], inputs=['data/train.csv'], outputs=['model.txt'],\n"
    "               name='first-try', params={'lr': 0.1})\nran",
    "repo.lineage('model.txt')",
    "repo.runs()",
    "repo.status()",
    "repo.diff('v1', paths=['data'])",
    "repo.log('data/train.csv')",
    "repo.get('model.txt').run",
    "import pandas\npandas.read_csv('track://data/train.csv?rev=v1')",
    "repo.get('<b>odd<script>alert(1)</script>.csv')",
    "repo.get('data/tran.csv')",
)
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000010000000100802000000909168360000001b49444154789c63fccfc0f09f"
    "8104c0448ae251355834306a01006de30221bd1b52d90000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each cell shows: media type -> content; of one that fails, the error."""
    top = tmp_path_factory.mktemp("notebook") / "project"
    new_repository(top)
    cli("init", "--no-hooks", cwd=top).ok()
    (top / "data").mkdir()
    (top / "plots").mkdir()
    (top / "data/train.csv").write_text("name,age\nAda,36\nGrace,45\n")
    (top / "plots/dot.png").write_bytes(DOT)
    odd = "<b>odd<script>alert(1)<"  # a slash ends the folder
    (top / odd).mkdir()
    (top / odd / "script>.csv").write_text("<img src=x onerror=alert(1)>,b\n1,2\n")
    (top / "train.py").write_text(
        "import track\ntext = track.Repo().get('data/train.csv').read_text()\n"
        "open('model.txt', 'w').write(text.upper())\nprint('trained')\n"
    )
    cli("add", "data/train.csv", "plots", f"{odd}/script>.csv", cwd=top).ok()
    commit_all(top, "first")
    git("tag", "v1", cwd=top)
    (top / "data/train.csv").write_text("name,age\nAda,36\nGrace,45\nAlan,41\n")
    return executed(top, CELLS)


def page(shown: list[dict[str, Any]], at: int) -> str:
    """The HTML of a cell, which is whole: every element that begins ends."""
    html = str(shown[at]["text/html"])
    if "<svg" not in html and "dataframe" not in html:
        ElementTree.fromstring(re.sub(r"(<img [^>]*[^/])>", r"\1/>", html))
    return html


def test_every_cell_shows_a_page_and_only_the_mistake_fails(shown: list[dict[str, Any]]) -> None:
    failed = {at: cell["error"] for at, cell in enumerate(shown) if "error" in cell}
    assert list(failed) == [len(CELLS) - 1], failed
    assert failed[len(CELLS) - 1].startswith("UnknownPath: no artifact is called `data/tran.csv`")
    assert all("text/html" in cell and "text/plain" in cell for cell in shown[:-1])


def test_a_repository_and_what_was_added_are_tables(shown: list[dict[str, Any]]) -> None:
    assert "<td>data/train.csv</td><td>file</td>" in page(shown, 0)
    assert "3 artifacts" in page(shown, 0)
    assert "<td>changed</td>" in page(shown, 1)


def test_a_version_shows_its_facts_and_the_beginning_of_its_table(shown: list[dict[str, Any]]) -> None:
    new, old = page(shown, 2), page(shown, 3)
    assert "<th>label ticket</th><td>AB-123</td>" in new
    assert "<th>name</th><th>age</th>" in new
    assert "<td>Alan</td><td>41</td>" in new
    assert "Alan" not in old
    assert "at v1" in old
    assert "<td>dot.png</td>" in page(shown, 4)
    assert '<img alt="plots/dot.png" src="data:image/png;base64,' in page(shown, 5)


def test_runs_and_lineage_are_a_table_and_a_picture(shown: list[dict[str, Any]]) -> None:
    assert "<th>param lr</th><td>0.1</td>" in page(shown, 6)
    assert "<td>output</td><td>model.txt</td>" in page(shown, 6)
    assert page(shown, 6).count("<td>input</td>") == 1  # declared, and read through Python as well
    picture = page(shown, 7)
    assert picture.count("<svg") == 1
    assert all(name in picture for name in ("model.txt", "first-try", "data/train.csv"))
    assert "<th>lr</th>" in page(shown, 8)
    assert "<td>first-try</td>" in page(shown, 8)
    assert "first-try" in page(shown, 12)


def test_status_diff_and_log_are_tables(shown: list[dict[str, Any]]) -> None:
    assert "<td>model.txt</td><td>file</td>" in page(shown, 9)
    assert "<td>data/train.csv</td><td>changed</td>" in page(shown, 10)
    assert "<td>first</td><td>Ada Lovelace</td>" in page(shown, 11)


def test_a_frame_of_another_version_is_read_by_its_url(shown: list[dict[str, Any]]) -> None:
    assert "Grace" in page(shown, 13)
    assert "Alan" not in page(shown, 13)


def test_hostile_names_and_contents_are_text(shown: list[dict[str, Any]]) -> None:
    for at in (0, 9, 14):
        assert "<script" not in page(shown, at)
        assert "&lt;script&gt;alert(1)" in page(shown, at)
    assert "<img src=x" not in page(shown, 14)
