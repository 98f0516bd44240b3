"""Whose a run is: as the block, the option, the variable or the setting says, and else as Git does."""

from pathlib import Path

import pytest

import track
from support.cli import track as cli
from track.errors import UsageError
from track.flows.run_find import find_run
from track.project import Project


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, and the current folder."""
    cli("init", "--no-hooks", cwd=repo).ok()
    monkeypatch.chdir(repo)
    return repo


def by(here: Path, name: str) -> str:
    with Project.open(here) as project:
        return find_run(project, name).record.by or ""


def begin(name: str) -> None:
    with track.Run() as run:
        run.config(suppress_errors=False)
        run.init(name)


def test_a_run_that_begins_in_the_block_is_that_users(here: Path) -> None:
    with track.as_user("andy"):
        begin("in")
    begin("out")
    assert (by(here, "in"), by(here, "out")) == ("andy", "Ada Lovelace <ada@example.org>")


def test_the_option_the_variable_and_the_setting_say_whose_a_run_is(here: Path) -> None:
    cli("--as", "andy", "run", "--name", "option", "--", "true", cwd=here).ok()
    cli("run", "--name", "variable", "--", "true", cwd=here, env={"TRACK_USER": "brenda"}).ok()
    cli("run", "--name", "spaced", "--", "true", cwd=here, env={"TRACK_USER": " brenda\t"}).ok()
    cli("config", "user", "charlie", cwd=here).ok()
    cli("run", "--name", "setting", "--", "true", cwd=here).ok()
    begin("program")
    with track.as_user("dora"):
        begin("block")
    told = [by(here, name) for name in ("option", "variable", "spaced", "setting", "program", "block")]
    assert told == ["andy", "brenda", "brenda", "charlie", "charlie", "dora"]


def test_what_is_no_name_is_refused_before_anything_runs(here: Path) -> None:
    for name in ("", " ", "Andy <andy@example.org>", "an\ndy"):
        done = cli("--as", name, "run", "--", "touch", "ran", cwd=here)
        assert (done.code, "not a user" in done.err) == (2, True), name
    done = cli("run", "--", "touch", "ran", cwd=here, env={"TRACK_USER": "Andy <andy@example.org>"})
    assert (done.code, "not a user" in done.err) == (2, True)
    assert not (here / "ran").exists()
    with pytest.raises(UsageError, match="not a user"), track.as_user(""):
        pass
