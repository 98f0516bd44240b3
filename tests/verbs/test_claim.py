"""Claim: what somebody says about work that no run saw is recorded as that."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import AlreadyInGit, UnknownPath, UsageError
from track.flows.run_journal import journal_of
from track.flows.run_start import Wishes
from track.model.digest import digest_of
from track.model.record_file import parse_record
from track.project import Project
from track.verbs.claim import claim


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, {"in.csv": b"1\n", "known.csv": b"2\n", "code.py": b"pass\n"})
    track("add", "in.csv", "known.csv", cwd=repo).ok()
    commit_all(repo, "data")
    write_tree(repo, {"model.pt": b"model", "out/a": b"a"})
    return repo


def test_a_claim_is_a_record_that_says_so_and_is_found_by_why(here: Path) -> None:
    told = track("claim", "-i", "in.csv", "model.pt", "out", "-p", "lr=0.1", "--", "python", "train.py", cwd=here).ok()
    assert "is claimed to have made 2 outputs" in told.err and "staged" in told.err
    (path,) = (here / ".track/runs").rglob("*.toml")
    record = parse_record(path.read_bytes(), "r")
    assert {used.how for used in record.artifacts} == {"claimed"}
    assert [(used.category, used.path) for used in record.artifacts] == [
        ("input", b"in.csv"), ("output", b"model.pt"), ("output", b"out"),
    ]  # fmt: skip
    assert (record.command, record.status, record.exit) == (("python", "train.py"), "completed", None)
    assert record.revision is None and record.seconds is None and dict(record.params) == {"lr": 0.1}
    why = track("why", "model.pt", cwd=here).ok().out
    assert "$ python train.py" in why and "claimed" in why
    assert git("diff", "--cached", "--name-only", cwd=here).split()[-2:] == ["model.pt.track", "out.track"]
    with Project.open(here) as project:
        assert project.store.read(digest_of(b"model")) == b"model" and journal_of(project).living() == []


def test_what_is_tracked_keeps_its_pointer_when_it_is_claimed(here: Path) -> None:
    pointer = (here / "known.csv.track").read_bytes()
    track("claim", "known.csv", "--", "make", cwd=here).ok()
    assert (here / "known.csv.track").read_bytes() == pointer
    assert "$ make" in track("why", "known.csv", cwd=here).ok().out


def test_a_claim_that_cannot_be_is_refused_and_leaves_no_run(here: Path) -> None:
    with Project.open(here) as project:
        for paths, command in ((["model.pt"], []), ([], ["make"])):
            with pytest.raises(UsageError, match="what was made"):
                claim(project, paths, command)
        with pytest.raises(UnknownPath, match="nothing is at"):
            claim(project, ["nowhere"], ["make"])
        with pytest.raises(UnknownPath, match="not tracked"):
            claim(project, ["model.pt"], ["make"], inputs=["code.py"])
        with pytest.raises(AlreadyInGit):
            claim(project, ["code.py"], ["make"])
        with pytest.raises(UsageError):
            claim(project, ["model.pt"], ["make"], Wishes(folder="no slash"))
        assert list(journal_of(project).ended()) == [] and journal_of(project).living() == []


def test_in_the_middle_of_a_merge_a_claim_waits(here: Path) -> None:
    (here / ".git/MERGE_HEAD").write_text(git("rev-parse", "HEAD", cwd=here))
    told = track("claim", "model.pt", "--", "make", cwd=here).ok()
    assert "in the journal only" in told.err and not (here / "model.pt.track").exists()
