"""A remote that lies: each of its files in turn is garbage, cut short, empty, a link, a folder, or gone.

A pull either gives the right bytes or says what is wrong; never a wrong byte in the working tree, never a bug, and
nothing of the damage in the local store.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from support.cli import track_here
from support.repositories import git
from support.scene import duplicate, said_by, two_versions
from support.trees import Node, read_tree
from support.troubles import remote

OURS = (b".git", b".store", b".track")


class Shared(NamedTuple):
    """A folder with a remote and a clone that has nothing of it yet, and what a good pull gives."""

    folder: Path
    expected: dict[bytes, Node]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    folder = tmp_path_factory.mktemp("shared") / "scene"
    repo = two_versions(folder / "repo")
    remote(repo)
    git("clone", "--quiet", "repo", "clone", cwd=folder)
    (folder / "secret").write_bytes(b"what the remote has no business to see")
    return Shared(folder, read_tree(repo, leave_out=OURS))


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def link(path: Path) -> None:
    secret = path.parents[len(path.parts) - path.parts.index("remote") - 1] / "secret"
    path.unlink()
    path.symlink_to(secret)


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def gone(path: Path) -> None:
    path.unlink()


DAMAGE: tuple[Callable[[Path], None], ...] = (garbage, flipped, short, longer, empty, link, endless, folder, pipe, gone)


def files_of(scene: Path) -> list[Path]:
    return sorted(path.relative_to(scene) for path in (scene / "remote").rglob("*") if path.is_file())


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_pull_from_a_damaged_remote_gives_right_bytes_or_none(
    shared: Shared, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    names = files_of(shared.folder)
    assert len(names) >= 4
    for number, name in enumerate(names):
        scene = duplicate(shared.folder, tmp_path / f"scene{number}")
        (scene / name).chmod(0o644)
        damage(scene / name)
        clone = scene / "clone"
        before = read_tree(clone, leave_out=OURS)
        done = track_here("pull", cwd=clone)
        what = f"{damage.__name__} {name}: {said_by(done)}"
        assert done.code in (0, 1, 3, 4, 5, 7), what
        now = read_tree(clone, leave_out=OURS)
        if done.code == 0:
            assert now == shared.expected, what
        else:
            assert done.err.strip(), what
            assert "hint:" in done.err, what
            wrong = {path for path, node in now.items() if node not in (before.get(path), shared.expected.get(path))}
            assert wrong == set(), what
        assert track_here("verify", cwd=clone).code in (0, 1, 4), what
        shutil.rmtree(scene)


@pytest.mark.parametrize("damage", [flipped, short, gone], ids=lambda damage: damage.__name__)
def test_a_push_mends_what_a_remote_lost(shared: Shared, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """As the errors say: `track verify --remote origin` finds it, and a push brings it again.

    A pack of nothing but recipes is told of too, though what they are recipes of is there and comes whole.
    """
    for number, name in enumerate(files_of(shared.folder)):
        if name.parts[1] not in ("packs", "objects"):
            continue
        scene = duplicate(shared.folder, tmp_path / f"scene{number}")
        (scene / name).chmod(0o644)
        damage(scene / name)
        what = f"{damage.__name__} {name}"
        found = track_here("verify", "--remote", "origin", cwd=scene / "repo")
        assert found.code in (4, 7), f"{what}: {said_by(found)}"
        track_here("push", cwd=scene / "repo").ok()
        track_here("pull", cwd=scene / "clone").ok()
        assert read_tree(scene / "clone", leave_out=OURS) == shared.expected, what
        shutil.rmtree(scene)
