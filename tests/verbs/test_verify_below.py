"""Verify of a remote: what the versions here need is looked for there, what was purged is told."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned
from support.trees import write_tree
from track.flows.remotes import choose, connected
from track.model.digest import digest_of
from track.project import Project
from track.store import reindex
from track.verbs.verify import Verified, verify

FILES = {f"d/{number:03}": b"content %d" % number for number in range(300)}
SECRET = b"a name and an address"


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    write_tree(repo, {**FILES, "people/a": SECRET, "people/b": b"nobody", "x.csv": b"1,2\n"})
    track("add", "d", "people", "x.csv", cwd=repo).ok()
    commit_all(repo, "data")
    track("push", cwd=repo).ok()
    return repo


def check(repo: Path, **options: bool) -> Verified:
    with Project.open(repo) as project:
        return verify(project, remote="origin", **options)


def unplace(repo: Path, content: bytes) -> None:
    """Have no index at the remote name an object, which its roots say is there."""
    with Project.open(repo) as project, connected(project, choose(project, None), sending=True) as connection:
        place, known = connection.place, connection.known
        held = known.locate([digest_of(content)])[digest_of(content)]
        going = reindex._Going(frozenset(), frozenset(), frozenset((one.digest, one.pack, one.offset) for one in held))
        reindex._write(place, known, going, lambda: None)
    for record in (repo / ".git/track/remotes").glob("origin.*"):
        record.unlink()


@pytest.mark.parametrize("options", [{}, {"quick": True}, {"deep": True}])
@pytest.mark.parametrize("who", ["here", "a fresh clone"])
def test_an_object_of_a_directory_that_no_index_names_is_missing(
    here: Path, options: dict[str, bool], who: str
) -> None:
    assert check(here, **options).problems == ()
    unplace(here, FILES["d/007"])
    repo = here if who == "here" else cloned(here)
    found = check(repo, **options)
    if options.get("quick") and repo != here:  # its manifest is not here, and nothing is read
        assert (found.unread_count, found.exit_code) == (2, 0)
        done = track("verify", "--remote", "origin", "--quick", cwd=repo).ok()
        assert "whether everything that 2 versions at HEAD or staged need is there was not looked at" in done.err
        return
    assert (found.exit_code, found.unread_count) == (4, 0)
    (problem,) = found.problems
    assert (problem.path, problem.digest) == (b"d", digest_of(FILES["d/007"]))
    assert "says that it has this version whole, and lacks an object of it" in problem.what


def test_it_keeps_no_manifest_of_what_is_not_here(here: Path) -> None:
    clone = cloned(here)
    assert check(clone).problems == ()
    assert track("ls", "d", cwd=clone).code == 4


@pytest.mark.parametrize("mend", [("push",), ("repair", "--remote", "origin")])
def test_what_no_index_names_is_sent_again_once_it_was_found(here: Path, mend: tuple[str, ...]) -> None:
    unplace(here, FILES["d/007"])
    assert check(here).exit_code == 4
    track(*mend, cwd=here).ok()
    assert check(here).problems == ()
    clone = cloned(here)
    track("pull", cwd=clone).ok()
    assert (clone / "d/007").read_bytes() == FILES["d/007"]


def test_a_version_that_was_never_pushed_is_said_and_is_no_problem(here: Path) -> None:
    write_tree(here, {"d/new": b"new", "x.csv": b"3,4\n"})
    track("add", "d", "x.csv", cwd=here).ok()
    commit_all(here, "not pushed")
    done = track("verify", "--remote", "origin", cwd=here).ok()
    assert "2 versions at HEAD or staged never came there whole (track push origin)" in done.err
    assert track("verify", "--remote", "origin", "--json", cwd=here).ok().json["unpushed"] == 2


def test_what_was_not_looked_at_is_said(here: Path) -> None:
    done = track("verify", "--remote", "origin", "--sample", "50%", cwd=here).ok()
    assert "whether everything that 3 versions at HEAD or staged need is there was not looked at" in done.err
    done = track("verify", "--remote", "origin", "--max-time", "0.000001s", cwd=here)
    assert "3 versions at HEAD or staged" in done.err


@pytest.mark.parametrize("options", [(), ("--deep",), ("--quick",)])
@pytest.mark.parametrize("who", ["here", "a fresh clone"])
def test_what_was_purged_of_the_version_at_head_is_told(here: Path, who: str, options: tuple[str, ...]) -> None:
    clone = cloned(here)
    if options == ("--quick",):
        track("fetch", cwd=clone).ok()
    track("purge", "--yes", "people", "--because", "asked for", cwd=here).ok()
    repo = here if who == "here" else clone
    done = track("verify", "--remote", "origin", *options, cwd=repo)
    assert done.code == 4, done.out + done.err
    assert "was purged on 20" in done.out and "because: asked for" in done.out and "people" in done.out
    document = track("verify", "--remote", "origin", *options, "--json", cwd=repo).json
    assert {one["path"].partition("/")[0] for one in document["problems"]} == {"people"}
    assert document["unpushed"] == 0
    track("rm", "--cached", "people", cwd=repo).ok()
    commit_all(repo, "without them")
    track("verify", "--remote", "origin", *options, cwd=repo).ok()


def test_a_file_that_was_purged_is_told_by_its_path(here: Path) -> None:
    write_tree(here, {"other/a": SECRET, "other/b": b"theirs"})
    track("add", "other", cwd=here).ok()
    commit_all(here, "another one with the same file")
    track("push", cwd=here).ok()
    track("purge", "--yes", "--shared", "people", "--because", "asked for", cwd=here).ok()
    found = check(here)
    assert found.exit_code == 4
    assert {one.path for one in found.problems} == {b"people", b"other/a"}


@pytest.mark.parametrize("command", ["du", "whereis"])
@pytest.mark.parametrize("path", ["people", "x.csv"])
def test_nobody_is_told_to_fetch_what_was_purged(here: Path, command: str, path: str) -> None:
    track("remote", "add", "second", "../second", cwd=here).ok()
    track("remote", "add", "never", "../never", cwd=here).ok()
    track("purge", "--yes", path, "--because", "asked for", cwd=here).ok()
    done = track(command, path, cwd=here).ok()
    assert "--fetch" not in done.out + done.err
    if command == "whereis" or path == "people":
        assert "was purged on 20" in done.err
    document = track(command, path, "--json", cwd=here).json["artifacts"][0]
    assert document.get("is_purged", path == "people") is (command == "whereis" or path == "people")


@pytest.mark.parametrize("command", ["du", "whereis"])
def test_what_is_only_not_here_is_still_to_be_fetched(here: Path, command: str) -> None:
    clone = cloned(here)
    git("commit", "-q", "--allow-empty", "-m", "more", cwd=clone)
    done = track(command, "people", cwd=clone).ok()
    assert "--fetch" in done.out + done.err


def test_status_tells_what_was_purged_and_advises_no_push(here: Path) -> None:
    track("purge", "--yes", "people", "--because", "asked for", cwd=here).ok()
    write_tree(here, {"x.csv": b"3,4\n"})
    track("add", "x.csv", cwd=here).ok()
    done = track("status", cwd=here).ok()
    assert "removed for good  (track rm --cached PATH lets the name go)\n  people/  was purged on 20" in done.out
    assert "not pushed: 1 artifact, 4 B  (track push)" in done.out
    by_path = {one["path"]: one["purged"] for one in track("status", "--json", cwd=here).ok().json["artifacts"]}
    assert by_path["people"].endswith("because: asked for") and by_path["x.csv"] is None
    track("rm", "--cached", "people", cwd=here).ok()
    assert "removed for good" not in track("status", cwd=here).ok().out
    assert (here / "people/a").read_bytes() == SECRET
