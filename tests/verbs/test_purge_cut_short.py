"""A purge that was cut short at a remote, as where one may write and not delete: nothing there brings it back."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.sharing import cloned, files_below
from support.trees import write_tree
from track.errors import RemoteError
from track.project import Project
from track.store.backends.folder import FolderPlace
from track.store.layout import PROBES, TOMBSTONES
from track.verbs.purge import purge

SECRET = b"a name and an address " * 40
ROWS = b"".join(b"%d,%d\n" % (number, number * number % 9973) for number in range(150_000))
"""More than a megabyte, so that it travels in chunks."""


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../origin", cwd=repo).ok()
    write_tree(repo, {"people.csv": ROWS, "faces/a": SECRET, "faces/b": b"nobody", "table.csv": b"a,b\n"})
    track("add", "people.csv", "faces", "table.csv", cwd=repo).ok()
    commit_all(repo, "first")
    track("push", cwd=repo).ok()
    return repo


def cut_short(repo: Path, artifact: str, *but: str) -> None:
    """Purge; the remote deletes nothing but what begins with one of these."""
    delete = FolderPlace.delete

    def refuse(self: FolderPlace, key: str) -> None:
        if not key.startswith(but):
            raise RemoteError(f"you may not delete at {self.url}")
        delete(self, key)

    with pytest.MonkeyPatch.context() as patch, Project.open(repo) as project:
        patch.setattr(FolderPlace, "delete", refuse)
        done = purge(project, artifact, reason="consent was withdrawn")
    assert done.remotes[0].error is not None


@pytest.mark.parametrize("artifact", ["people.csv", "faces"])
@pytest.mark.parametrize("by", ["who purged it", "who has it still", "who has nothing"])
def test_a_repair_does_not_bring_back_what_was_purged(here: Path, artifact: str, by: str) -> None:
    clone = cloned(here)
    track("remote", "add", "origin", "../origin", cwd=clone).ok()
    if by == "who has it still":
        track("pull", cwd=clone).ok()
    cut_short(here, artifact, PROBES, TOMBSTONES)
    who = here if by == "who purged it" else clone
    track("repair", "--remote", "origin", cwd=who)
    newcomer = cloned(here, "newcomer")
    pulled = track("pull", cwd=newcomer)
    assert pulled.code == 4 and "was purged on" in pulled.err + pulled.out, pulled
    assert not (newcomer / artifact).exists()
    assert (newcomer / "table.csv").read_bytes() == b"a,b\n"


@pytest.mark.parametrize("artifact", ["people.csv", "faces"])
def test_a_check_calls_it_purged_and_nothing_else_and_the_purge_goes_on(here: Path, artifact: str) -> None:
    cut_short(here, artifact, PROBES, TOMBSTONES)
    for _ in range(2):
        told = track("verify", "--remote", "origin", cwd=here)
        assert told.code == 4 and "was purged on" in told.out, told
        assert "track repair" not in told.out + told.err
        repaired = track("repair", "--remote", "origin", cwd=here)
        assert repaired.code == 0 and "restored" not in repaired.out, repaired
    track("purge", artifact, "--because", "as above", "--yes", cwd=here).ok()
    left = b"".join(files_below(here.parent / "origin").values())
    assert SECRET not in left or artifact != "faces"
    size = sum(map(len, files_below(here.parent / "origin").values()))
    assert size < 100_000 or artifact != "people.csv"


def test_who_may_not_delete_leaves_nothing_behind_that_stops_pushes(here: Path) -> None:
    before = files_below(here.parent / "origin")
    cut_short(here, "faces")
    after = files_below(here.parent / "origin")
    assert {key for key in after.keys() - before.keys() if not key.startswith(PROBES)} == set()
    assert before.items() <= after.items()
    write_tree(here, {"table.csv": b"a,b\n1,2\n"})
    track("add", "table.csv", cwd=here).ok()
    commit_all(here, "second")
    track("config", "lock.timeout", "1", cwd=here).ok()
    track("push", cwd=here).ok()
