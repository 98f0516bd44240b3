"""Every dialogue in the documents and beside this file happens as it is told; `--pin` tells it anew."""

import re
import subprocess
from pathlib import Path

import pytest

from support.cli import track
from support.stories import FENCE, new_session, retold

TOP = Path(__file__).parents[2]
PAGES = [TOP / "docs" / "tutorial.md", *sorted((TOP / "docs" / "how-to").glob("*.md"))]
STORIES = [
    *sorted(Path(__file__).parent.glob("*.md")),
    *(page for page in PAGES if FENCE.search(page.read_text(encoding="utf-8"))),
]


@pytest.mark.parametrize("page", STORIES, ids=lambda page: page.stem)
def test_the_story_happens_as_it_is_told(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = page.read_text(encoding="utf-8")
    now = retold(text, new_session(tmp_path))
    if request.config.getoption("--pin"):
        page.write_text(now, encoding="utf-8")
    assert now.splitlines() == page.read_text(encoding="utf-8").splitlines()


def test_a_story_that_is_told_wrong_is_found(tmp_path: Path) -> None:
    text = "```console\n$ echo one; false\ntwo\n$ mkdir b; cd b\n$ echo x \\\n> > y; ls\n```\n\n```tree\n```\n"
    happened = "```console\n$ echo one; false\none\n[1]\n$ mkdir b; cd b\n$ echo x \\\n> > y; ls\ny\n```\n"
    assert retold(text, new_session(tmp_path)) == happened + "\n```tree\nfile y  2\n```\n"


def test_the_demonstration_can_be_repeated_by_hand(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "again").mkdir()
    shown = track("demo", cwd=tmp_path / "first").ok().out
    typed = [line[2:] for line in shown.splitlines() if line.startswith("$ ")]
    assert len(typed) > 20
    session = new_session(tmp_path)
    script = "\n".join(["set -e", *typed])
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=tmp_path / "again",
        env=session.environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    for name in ("project", "colleague"):
        listed = [
            subprocess.run(
                ["git", "log", "--format=%T %s"], cwd=tmp_path / which / "track-demo" / name, capture_output=True
            )
            for which in ("first", "again")
        ]
        assert listed[0].stdout == listed[1].stdout != b""


def test_the_demonstration_leaves_equal_trees_and_refuses_to_overwrite(tmp_path: Path) -> None:
    shown = track("demo", "here", cwd=tmp_path).ok().out
    place = tmp_path / "here"
    ours, theirs = (
        {
            path.relative_to(place / name): path.read_bytes()
            for path in sorted((place / name / "data").rglob("*"))
            if path.is_file()
        }
        for name in ("project", "colleague")
    )
    assert ours == theirs
    assert len(ours) > 100 or not ours
    assert max(len(content) for content in ours.values()) > 1 << 20
    environment = new_session(tmp_path).environment
    suggested = re.findall(r"^  (track .*?)  +", shown, re.MULTILINE)
    assert len(suggested) > 2
    for command in suggested:
        again = subprocess.run(
            ["bash", "-c", command], cwd=place / "project", env=environment, capture_output=True, check=False
        )
        assert again.returncode == 0, again.stderr

    done = track("demo", "here", cwd=tmp_path)
    assert done.code == 6
    assert "not empty" in done.err
