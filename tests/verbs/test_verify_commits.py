"""Verify with `--history`: what the versions of every commit need is looked for, here and at a remote."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, consented
from support.trees import write_tree
from track.model.digest import digest_of
from verbs.test_gc import forget_steps
from verbs.test_verify_below import unplace
from verbs.test_verify_history import LARGE, OLD, check, commit, lose_remote, store_of, told
from verbs.test_verify_history import here as here


@pytest.mark.parametrize("here", ["whole"], indirect=True)
def test_a_large_object_of_an_older_commit_that_somebody_deleted_is_missing(here: Path) -> None:
    lose_remote(here)
    assert not check(here, history=True).problems
    digest = digest_of(LARGE).hex()
    (store_of(here) / "objects" / digest[:2] / digest[2:]).unlink()

    found = check(here, history=True)

    assert {("missing", b"big.bin", commit(here, 1))} == told(found)
    assert (4, 0) == (found.exit_code, found.fetchable_count)


@pytest.mark.parametrize("content", [OLD, LARGE], ids=["in a directory", "a file"])
@pytest.mark.parametrize("who", ["here", "a fresh clone"])
def test_what_an_older_version_lacks_at_a_remote_is_found_and_a_repair_sends_it(
    here: Path, content: bytes, who: str
) -> None:
    assert not check(here, remote="origin", history=True).problems
    unplace(here, content)
    repo = here if who == "here" else consented(cloned(here))
    if content == OLD:
        assert not check(repo, remote="origin", deep=True).problems, "only the history needs it"

    found = check(repo, remote="origin", history=True)

    assert 4 == found.exit_code
    assert {one.digest for one in found.problems} >= {digest_of(content)}
    if content == OLD:
        (one,) = found.problems
        assert (b"d/sub/small", commit(here, 1)) == (one.path, one.what[-8:])
    assert 4 == check(here, remote="origin", history=True).exit_code
    track("repair", "--remote", "origin", cwd=here).ok()
    assert not check(here, remote="origin", history=True).problems


def test_a_fresh_clone_hears_what_only_the_remote_is_known_to_have(here: Path) -> None:
    clone = consented(cloned(here))
    track("pull", cwd=clone).ok()

    done = track("verify", "--history", cwd=clone).ok()

    assert "objects of older versions not here, but at a remote, as far as is known here" in done.err
    assert not track("verify", cwd=clone).ok().err
    quick = track("verify", "--remote", "origin", "--history", "--quick", cwd=consented(cloned(here, "quick"))).ok()
    assert "whether everything that 3 versions need is there was not looked at" in quick.err


def test_what_was_given_up_or_never_pushed_is_not_missed(here: Path) -> None:
    git("reflog", "expire", "--expire=now", "--all", cwd=here)
    forget_steps(here)
    track("gc", "--keep", "tips", "--grace", "0", cwd=here).ok()
    for name in ("never", "nor this"):
        write_tree(here, {"d/sub/small": name.encode()})
        track("add", "d", cwd=here).ok()
        commit_all(here, name)

    for found in (check(here, history=True), check(here, remote="origin", history=True)):
        assert (0, 0) == (len(found.problems), found.fetchable_count)


def test_history_is_about_everything(here: Path) -> None:
    for more in ("d",), ("--sample", "5%"):
        assert 2 == track("verify", "--history", *more, cwd=here).code
