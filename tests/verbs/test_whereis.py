"""Whereis: who holds every piece, who holds a part, and when that was confirmed."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, opened, shared
from track.errors import RemoteError, UnknownPath
from track.flows.refresh import refresh_all
from track.store.backends.folder import FolderPlace
from track.store.known import Known
from track.store.place import Listed
from track.verbs.whereis import Whereabouts, whereis


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """`origin` has everything, `lab` the first version of `data`, `backup` was never asked."""
    repo = shared(tmp_path)
    for name in ("backup", "lab"):
        track("remote", "add", name, f"../{name}", cwd=repo).ok()
    track("config", "core.remote", "origin", cwd=repo).ok()
    commit_all(repo, "remotes")
    git("tag", "v1", cwd=repo)
    track("push", "lab", "--", "data", cwd=repo).ok()
    (repo / "data/new.txt").write_bytes(b"new, and nowhere but at origin\n")
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "second")
    track("push", "origin", cwd=repo).ok()
    return repo


def asked(repo: Path, *words: str) -> dict[bytes, Whereabouts]:
    with opened(repo) as project:
        return {one.path: one for one in whereis(project, words).artifacts}


def states(one: Whereabouts) -> dict[str | None, str]:
    return {holding.remote: holding.state for holding in one.holdings}


def test_it_says_who_holds_all_who_a_part_and_who_was_never_asked(repo: Path) -> None:
    before = time.time()
    found = asked(repo)
    assert set(found) == {b"data", b"model.bin", b"table.csv"}
    assert states(found[b"data"]) == {None: "all", "backup": "unknown", "lab": "part", "origin": "all"}
    assert states(found[b"table.csv"]) == {None: "all", "backup": "unknown", "lab": "none", "origin": "all"}
    data = {holding.remote: holding for holding in found[b"data"].holdings}
    assert data["lab"].objects_count == data["origin"].objects_count - 2  # type: ignore[operator]  # the new file, the manifest
    assert data["origin"].size - data["lab"].size == 31  # type: ignore[operator]  # both are known
    assert found[b"data"].size == data["origin"].size and found[b"data"].is_safe
    assert before - 120 < data["origin"].confirmed_s <= time.time()  # type: ignore[operator]  # it was asked
    assert data["backup"].confirmed_s is None


def test_a_part_of_an_artifact_and_a_revision_can_be_asked_about(repo: Path) -> None:
    assert states(asked(repo, "data/deep")[b"data/deep"])["lab"] == "part"  # the root of the manifest is another one
    assert states(asked(repo, "v1:data")[b"data"])["lab"] == "all"
    assert states(asked(repo, "data/new.txt")[b"data/new.txt"])["origin"] == "all"
    with pytest.raises(UnknownPath):
        asked(repo, "nonesuch")
    with pytest.raises(UnknownPath):
        asked(repo, "data/nonesuch")


def test_without_the_manifest_it_says_what_it_cannot_know(repo: Path) -> None:
    clone = cloned(repo)
    found = asked(clone)
    assert set(states(found[b"data"]).values()) == {"unknown"} and found[b"data"].objects_count is None
    assert states(found[b"table.csv"])[None] == "none"
    said = track("whereis", cwd=clone).ok()
    assert "never asked" in said.out and "hint: track whereis --fetch" in said.err
    fetched = track("whereis", "--fetch", "--json", cwd=clone).ok().json
    data = next(one for one in fetched["artifacts"] if one["path"] == "data")
    assert {one["name"]: one["state"] for one in data["remotes"]} == {"backup": "none", "lab": "part", "origin": "all"}
    assert data["here"]["state"] == "part" and data["is_safe"] is True
    assert all(one["confirmed"] for one in data["remotes"])
    assert not (clone / "data").exists()


def test_a_remote_that_cannot_be_asked_is_named_and_the_rest_is_shown(repo: Path) -> None:
    shutil.rmtree(repo.parent / "lab")
    done = track("whereis", "--fetch", "data", cwd=repo)
    assert done.code == 5 and "`lab` could not be asked" in done.err
    assert "origin" in done.out and "everything" in done.out and "objects, " in done.out


def test_a_remote_that_refused_at_its_first_question_was_never_asked(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its store.toml could be read, and nothing could be listed."""

    def refuse(self: FolderPlace, prefix: str) -> Iterator[Listed]:
        raise RemoteError(f"you may not list what is in it at {self.url}")

    with monkeypatch.context() as patch, opened(repo) as project:
        patch.setattr(FolderPlace, "list", refuse)
        assert [one.exit_code for one in refresh_all(project)] == [5, 5, 5]
    assert states(asked(repo)[b"table.csv"])["backup"] == "unknown"
    assert "never asked" in track("whereis", "table.csv", cwd=repo).ok().out


def test_what_was_found_damaged_counts_as_gone(repo: Path) -> None:
    for path in (repo.parent / "remote").rglob("*.pack"):
        path.unlink()
    assert states(asked(repo)[b"table.csv"])["origin"] == "all"
    assert track("verify", "--remote", "origin", cwd=repo).code in (4, 7)
    assert states(asked(repo)[b"table.csv"])["origin"] == "none"
    assert not asked(repo)[b"table.csv"].is_safe


def test_nobody_is_asked_and_nothing_is_written(repo: Path) -> None:
    record = repo / ".git/track/remotes/origin.db"
    before = record.read_bytes()
    for name in ("remote", "lab", "backup"):
        shutil.rmtree(repo.parent / name)
    track("whereis", cwd=repo).ok()
    assert record.read_bytes() == before


def test_a_record_of_before_times_were_noted_is_read(repo: Path) -> None:
    record = repo / ".git/track/remotes/origin.db"
    with sqlite3.connect(record) as database:
        database.execute("DROP TABLE confirmed")
    (origin,) = [holding for holding in asked(repo, "table.csv")[b"table.csv"].holdings if holding.remote == "origin"]
    assert (origin.state, origin.confirmed_s) == ("all", None)
    assert "confirmed some time ago" in track("whereis", "table.csv", cwd=repo).ok().out
    track("push", cwd=repo).ok()
    with Known(record) as known:
        assert known.confirmed_s is not None
