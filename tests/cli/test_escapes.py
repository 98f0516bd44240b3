"""What people made up never steers a terminal; a program that reads gets it as it is."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import track as track_process
from support.cli import track_here as track
from support.repositories import commit_all, new_repository
from support.terminal import on_terminal
from track.model.digest import digest_of
from track.model.pointer import Pointer, dump_pointer

EVIL = "\x1b]0;owned\x07 \x1b[31m\u202e\x9b2J"
CALM = {"NO_COLOR": "1", "TRACK_PAGER": "cat"}


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose labels, file names, events, metadata and tags hold what steers a terminal."""
    repo = new_repository(tmp_path_factory.mktemp("evil") / "repo")
    track("init", "--no-hooks", cwd=repo).ok()
    for name in ("a", "evil \x1b[2J"):
        pointer = Pointer(kind="file", digest=digest_of(b"x"), size=1, labels={"note": EVIL}, tags=(EVIL,), type=EVIL)
        (repo / f"{name}.track").write_bytes(dump_pointer(pointer))
    (repo / "card.md").write_text(f"# {EVIL}\n")
    track("put", "named", "--value", "1", "--card", "card.md", cwd=repo).ok()
    commit_all(repo)
    program = (
        "import track\n"
        "with track.Run() as run:\n"
        f"    run.init('evil', metadata={{'note': {EVIL!r}}}, tags=[{EVIL!r}], description={EVIL!r})\n"
        f"    run.log_event({EVIL!r})\n"
        "    run.log_metrics({'loss': 1.0})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=repo, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return repo


QUESTIONS = (
    ("find", "--csv"),
    ("find",),
    ("find", "--json"),
    ("find", "--runs", "--csv"),
    ("runs", "list", "--csv"),
    ("runs", "list"),
    ("runs", "show", "{run}"),
    ("events", "{run}", "--csv"),
    ("events", "{run}"),
    ("metrics", "show", "{run}", "--csv"),
    ("lineage", "a", "--format", "dot"),
    ("lineage", "evil \x1b[2J", "--format", "svg"),
    ("card", "named"),
    ("log", "a"),
)


@pytest.mark.parametrize("words", QUESTIONS, ids=" ".join)
def test_no_answer_steers_a_terminal(evil: Path, words: tuple[str, ...]) -> None:
    run = track("runs", "list", "--json", cwd=evil).ok().json["runs"][0]["id"]
    command = [sys.executable, "-m", "track", *(word.format(run=run) for word in words)]
    _, shown = on_terminal(command, cwd=evil, env=CALM)
    assert shown
    assert [char for char in shown if not (char.isprintable() or char in "\n\t")] == []


@pytest.mark.parametrize(
    "words", [("find", "--csv"), ("runs", "list", "--csv"), ("events", "{run}", "--csv")], ids=" ".join
)
def test_a_program_that_reads_gets_the_bytes(evil: Path, words: tuple[str, ...]) -> None:
    run = track("runs", "list", "--json", cwd=evil).ok().json["runs"][0]["id"]
    assert EVIL in track_process(*(word.format(run=run) for word in words), cwd=evil).ok().out


def test_a_pager_shows_them_escaped_too(evil: Path) -> None:
    command = [sys.executable, "-m", "track", "find", "--csv"]
    _, shown = on_terminal(command, cwd=evil, env={"NO_COLOR": "1", "TRACK_PAGER": "cat -u"})
    assert "\\x1b]0;owned" in shown and "\x1b" not in shown
