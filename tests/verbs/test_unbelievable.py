"""A pointer or a manifest that cannot be true stops nothing but its own artifact, which the error names at the end."""

import re
from pathlib import Path

import pytest

from support.cli import Completed
from support.cli import track_here as track
from support.repositories import commit_all
from support.sharing import cloned, opened, shared
from track.errors import MalformedManifest
from track.model.digest import digest_of
from track.verbs.push import push

BAD = b"track-manifest 1 0\nf 1 nonsense a\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Three artifacts, pushed; the pointers of two are false: one lies about a size, one names no manifest."""
    repo = shared(tmp_path)
    track("push", cwd=repo).ok()
    pointer = repo / "model.bin.track"
    pointer.write_text(re.sub(r"size = \d+", "size = 7", pointer.read_text()))
    with opened(repo) as project, project.store.writer() as writer:
        writer.add(BAD)
        writer.commit()
    pointer = repo / "data.track"
    pointer.write_text(re.sub(r"blake3:[0-9a-f]+", str(digest_of(BAD)), pointer.read_text()))
    commit_all(repo, "false")
    return repo


def refused(done: Completed, *names: str) -> Completed:
    assert done.code == 7 and "Traceback" not in done.err, done
    for name in names:
        assert name in done.err, done
    assert "hint:" in done.err, done
    return done


def test_checkout_places_all_others(repo: Path) -> None:
    (repo / "table.csv").unlink()
    (repo / "model.bin").unlink()
    before = sorted((repo / "data").rglob("*"))
    refused(track("checkout", cwd=repo), "model.bin.track says 7 bytes", "the manifest of data is refused")
    assert (repo / "table.csv").read_bytes() == b"a,b\n1,2\n"
    assert not (repo / "model.bin").exists() and sorted((repo / "data").rglob("*")) == before
    refused(track("checkout", "model.bin", cwd=repo), "model.bin.track")
    track("checkout", "table.csv", cwd=repo).ok()


def test_checkout_of_a_revision_leaves_the_pointers_of_those_alone(repo: Path) -> None:
    good = {name: (repo / name).read_bytes() for name in ("model.bin.track", "data.track")}
    track("checkout", "HEAD~1", "--", ".", cwd=repo).ok()
    older = {name: (repo / name).read_bytes() for name in good}
    assert older != good
    refused(track("checkout", "HEAD", "--", ".", cwd=repo), "model.bin.track", "data")
    assert {name: (repo / name).read_bytes() for name in good} == older


def test_push_sends_all_others_and_pull_brings_them(repo: Path) -> None:
    (repo / "table.csv").write_bytes(b"a,b\n3,4\n")
    track("add", "table.csv", cwd=repo).ok()
    commit_all(repo, "more")
    done = refused(track("push", cwd=repo), "the manifest of data is refused")
    assert "table.csv" in done.out
    with opened(repo) as project:
        assert push(project, paths=["table.csv"]).is_up_to_date
    clone = cloned(repo)
    done = refused(track("pull", cwd=clone), "model.bin.track says 7 bytes", "data")
    assert (clone / "table.csv").read_bytes() == b"a,b\n3,4\n", done
    track("pull", "table.csv", cwd=clone).ok()


def test_what_was_asked_for_by_its_name_is_an_error_at_once(repo: Path) -> None:
    with opened(repo) as project, pytest.raises(MalformedManifest, match="the manifest of data is refused"):
        push(project, paths=["data"])
