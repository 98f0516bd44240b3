"""Each call with which a command changes files fails in turn, as a bad disk, a full one or a quota would make it.

The command either does all of its work or says why not; never a traceback, nothing lost, and it finishes when the
trouble is over. A spread of the calls is tried; `TRACK_SAFETY=full` tries all, with every error.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from store.conftest import files, spoil
from support.cli import Completed, track
from support.repositories import commit_all, git, new_repository
from support.scene import duplicate, first_version, only_garbage_went, two_versions, with_garbage
from support.sweep import Work, fail_everywhere
from support.trees import read_tree
from support.troubles import share

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(3600)]

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EACCES", "EMFILE", "EROFS")


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose `repo` has two versions of its data."""
    scene = tmp_path_factory.mktemp("versions")
    two_versions(scene / "repo")
    return scene


def test_a_first_add_survives_any_failed_change(tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    first_version(scene / "repo")
    assert fail_everywhere(Work(scene, "repo", ("add", "data", "model.bin")), tmp_path, ERRORS, most=12) > 8


def test_a_checkout_survives_any_failed_change(versions: Path, tmp_path: Path) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    git("checkout", "--quiet", "v1", cwd=scene / "repo")
    assert fail_everywhere(Work(scene, "repo", ("checkout",)), tmp_path, ERRORS, most=12) > 8


def test_a_push_survives_any_failed_change(versions: Path, tmp_path: Path) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    share(scene / "repo")
    commit_all(scene / "repo", "remote")
    assert fail_everywhere(Work(scene, "repo", ("push",)), tmp_path, ERRORS, most=12) > 8


# ---- the other verbs that act: a few failures of each by lot, the same ones every time; all of them in the full form

OURS = (b".git", b".store", b".track")
MOST = 4


@pytest.fixture(scope="module")
def cloned(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene with a `repo` and its folder remote, which has everything, and a `clone` that has pointers alone."""
    scene = duplicate(versions, tmp_path_factory.mktemp("cloned") / "scene")
    share(scene / "repo")
    commit_all(scene / "repo", "remote")
    track("push", "--all", cwd=scene / "repo").ok()
    git("clone", "--quiet", "repo", "clone", cwd=scene)
    return scene


def _as_in_repo(scene: Path, name: str) -> None:
    assert read_tree(scene / name, leave_out=OURS) == read_tree(scene / "repo", leave_out=OURS)


def _unless(said: str, *words: str, repo: str = "repo") -> Callable[[Path], Completed]:
    """The same command again, which may say instead that the work is done already."""

    def again(scene: Path) -> Completed:
        done = track(*words, cwd=scene / repo)
        return done._replace(code=0) if said in done.err else done

    return again


def test_a_fetch_survives_any_failed_change(cloned: Path, tmp_path: Path) -> None:
    work = Work(cloned, "clone", ("fetch",), between=(0, 1, 4))
    assert fail_everywhere(work, tmp_path, ERRORS, most=MOST, seed=1) >= MOST - 1


def test_a_pull_survives_any_failed_change(cloned: Path, tmp_path: Path) -> None:
    work = Work(cloned, "clone", ("pull",), lambda scene: _as_in_repo(scene, "clone"), between=(0, 1, 4))
    assert fail_everywhere(work, tmp_path, ERRORS, most=MOST, seed=2) >= MOST - 1


def test_a_clone_survives_any_failed_change(cloned: Path, tmp_path: Path) -> None:
    def again(scene: Path) -> Completed:
        if (scene / "copy").exists():  # as its message says
            return track("-C", "../copy", "pull", cwd=scene / "repo")
        return track("clone", "../repo", "../copy", cwd=scene / "repo")

    work = Work(cloned, "repo", ("clone", "../repo", "../copy"), lambda scene: _as_in_repo(scene, "copy"), again=again)
    assert fail_everywhere(work, tmp_path, ERRORS, most=MOST, seed=3) >= MOST - 1


def test_an_init_survives_any_failed_change(tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    new_repository(scene / "repo")
    work = Work(scene, "repo", ("init",), between=(0, 3))
    assert fail_everywhere(work, tmp_path, ERRORS, most=MOST, seed=4) >= MOST - 1


def test_an_uninit_survives_any_failed_change(versions: Path, tmp_path: Path) -> None:
    again = _unless("not set up", "uninit", "--force")
    work = Work(versions, "repo", ("uninit", "--force"), between=(0, 1, 3, 4, 7), again=again)
    assert fail_everywhere(work, tmp_path, ERRORS, most=MOST, seed=5) >= MOST - 1


def test_a_setting_survives_any_failed_change(versions: Path, tmp_path: Path) -> None:
    work = Work(versions, "repo", ("config", "core.remote", "origin"))
    assert fail_everywhere(work, tmp_path, ERRORS, most=MOST, seed=6) >= MOST - 1


def test_a_new_remote_survives_any_failed_change(versions: Path, tmp_path: Path) -> None:
    words = ("remote", "add", "origin", "../remote")

    def proof(scene: Path) -> None:
        track("push", cwd=scene / "repo").ok()

    work = Work(versions, "repo", words, proof, again=_unless("already", *words))
    assert fail_everywhere(work, tmp_path, ERRORS, most=MOST, seed=7) >= MOST - 1


def test_removing_a_remote_survives_any_failed_change(cloned: Path, tmp_path: Path) -> None:
    def again(scene: Path) -> Completed:
        done = track("remote", "remove", "origin", cwd=scene / "repo")
        if "no remote" in done.err:  # it was gone, and only not staged yet
            git("add", ".track/config.toml", cwd=scene / "repo")
            return done._replace(code=0)
        return done

    work = Work(cloned, "repo", ("remote", "remove", "origin"), again=again)
    assert fail_everywhere(work, tmp_path, ERRORS, most=MOST, seed=8) >= MOST - 1


def test_copying_out_survives_any_failed_change(versions: Path, tmp_path: Path) -> None:
    def proof(scene: Path) -> None:
        assert read_tree(scene / "out") == read_tree(scene / "repo/data")

    words = ("get", "data", "-o", "../out")
    work = Work(versions, "repo", words, proof, again=_unless("with files in it", *words))
    assert fail_everywhere(work, tmp_path, ERRORS, most=MOST, seed=9) >= MOST - 1


def test_labels_and_tags_survive_any_failed_change(versions: Path, tmp_path: Path) -> None:
    label = Work(versions, "repo", ("label", "data", "model.bin", "ticket=AB-7"))
    assert fail_everywhere(label, tmp_path, ERRORS, most=MOST, seed=10) >= MOST - 1
    tag = Work(versions, "repo", ("tag", "data", "model.bin", "best"))
    assert fail_everywhere(tag, tmp_path, ERRORS, most=MOST, seed=11) >= MOST - 1


def test_a_repairing_verify_survives_any_failed_change(cloned: Path, tmp_path: Path) -> None:
    scene = duplicate(cloned, tmp_path / "scene")
    for pack in files(scene / "repo/.git/track/store/packs"):
        spoil(pack, 3)

    def again(scene: Path) -> Completed:
        assert track("verify", cwd=scene / "repo").code in (0, 1, 4, 7)
        track("fetch", "--all", cwd=scene / "repo").ok()
        return track("verify", cwd=scene / "repo")

    work = Work(scene, "repo", ("verify",), between=(0, 1, 4, 7), again=again, code=7)
    assert fail_everywhere(work, tmp_path, ERRORS, most=MOST, seed=12) >= MOST - 1


def test_a_collection_survives_any_failed_change(versions: Path, tmp_path: Path) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    with_garbage(scene / "repo")
    work = Work(scene, "repo", ("gc", "--grace", "0"), only_garbage_went)
    assert fail_everywhere(work, tmp_path, ERRORS, most=MOST, seed=13) >= MOST - 1


def test_hooks_in_and_out_survive_any_failed_change(versions: Path, tmp_path: Path) -> None:
    """Of three older hooks of a person none is lost, and both ways are gone to their end by the same command."""
    scene = duplicate(versions, tmp_path / "scene")
    track("hooks", "uninstall", cwd=scene / "repo").ok()
    folder = scene / "repo/.git/hooks"
    for name in OLDER:
        (folder / name).write_text(_older(name), encoding="ascii")
        (folder / name).chmod(0o755)

    def all_are_in(scene: Path) -> None:
        listed = track("hooks", "list", cwd=scene / "repo").ok().out
        assert listed.count("called by Git") + listed.count("called at the end of") == 7, listed
        assert all(text.startswith(_older(name)) for name, text in _hooks(scene).items())

    def as_before(scene: Path) -> None:
        assert all(text == _older(name) for name, text in _hooks(scene).items())

    install = Work(scene, "repo", ("hooks", "install"), all_are_in)
    assert fail_everywhere(install, tmp_path, ERRORS, most=MOST, seed=14) >= MOST - 1
    track("hooks", "install", cwd=scene / "repo").ok()
    uninstall = Work(scene, "repo", ("hooks", "uninstall"), as_before)
    assert fail_everywhere(uninstall, tmp_path, ERRORS, most=MOST, seed=15) >= MOST - 1


OLDER = ("pre-commit", "post-merge", "commit-msg")


def _older(name: str) -> str:
    return f"#!/bin/sh\necho {name} of before\n"


def _hooks(scene: Path) -> dict[str, str]:
    """The hooks that a person had, with what they say now; each can still be run."""
    folder = scene / "repo/.git/hooks"
    assert all((folder / name).stat().st_mode & 0o111 for name in OLDER)
    return {name: (folder / name).read_text(encoding="ascii") for name in OLDER}
