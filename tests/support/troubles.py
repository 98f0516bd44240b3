"""Troubles: what a project, its store, its remote or its disk can be like when a command meets it.

Each takes the repository and makes the trouble; one that lasts only while a command runs is a context.
"""

import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from support.cli import track
from support.hostile import pointer
from support.powercut import read_only, small_disk
from support.repositories import commit_all, git, new_repository
from track.store.objects import Store

Trouble = Callable[[Path], "AbstractContextManager[None] | None"]


def nothing(repo: Path) -> None:
    del repo


def write(name: str, content: bytes = b"content") -> Trouble:
    """A file that is there."""

    def trouble(repo: Path) -> None:
        path = repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content)

    return trouble


def no_git(repo: Path) -> None:
    (repo / "plain").mkdir()
    shutil.rmtree(repo / ".git")


def bare(repo: Path) -> None:
    git("clone", "--quiet", "--bare", str(repo), str(repo / "bare.git"), cwd=repo)


def unborn(repo: Path) -> None:
    git("checkout", "--quiet", "--orphan", "unborn", cwd=repo)


def in_git(repo: Path) -> None:
    write("known.txt")(repo)
    git("add", "known.txt", cwd=repo)
    git("commit", "--quiet", "--message=known to Git", cwd=repo)


def in_git_now(name: str) -> Trouble:
    """Git is told to track a file."""

    def trouble(repo: Path) -> None:
        git("add", name, cwd=repo)

    return trouble


def artifact_inside(repo: Path) -> None:
    write("outer/inner.bin")(repo)
    track("add", "outer/inner.bin", cwd=repo).ok()


def fifo(repo: Path) -> None:
    os.mkfifo(repo / "pipe")


def fifo_inside(repo: Path) -> None:
    (repo / "folder").mkdir()
    os.mkfifo(repo / "folder/pipe")


@contextmanager
def a_socket(repo: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(repo)
        try:
            listening.bind("sock")
        finally:
            os.chdir(here)
        yield


def nested_git(repo: Path) -> None:
    new_repository(repo / "folder/nested")


def symlink(name: str, target: str) -> Trouble:
    def trouble(repo: Path) -> None:
        path = repo / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    return trouble


def below_a_link(repo: Path) -> None:
    (repo.parent / "away").mkdir()
    (repo.parent / "away/x.bin").write_bytes(b"elsewhere")
    (repo / "linked").symlink_to("../away")


def store_of(repo: Path) -> Path:
    return repo / ".git/track/store"


def full_store(repo: Path) -> AbstractContextManager[None]:
    """The store is on a disk on which hardly anything is left."""
    write("big.bin", os.urandom(3 << 20))(repo)
    return _on_a_small_disk(store_of(repo))


@contextmanager
def _on_a_small_disk(folder: Path) -> Iterator[None]:
    aside = folder.with_name(folder.name + "-aside")
    shutil.copytree(folder, aside)
    with small_disk(folder, size_kib=4096, inodes=500):
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield


def read_only_store(repo: Path) -> AbstractContextManager[None]:
    write("new.bin")(repo)
    return _read_only(store_of(repo))


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    with read_only(folder):
        yield


def pointer_text(text: str) -> Trouble:
    """The pointer of `model.bin` says this."""
    return write("model.bin.track", text.encode())


def broken_pointer(old: str, new: str) -> Trouble:
    """The pointer of `model.bin` with a part of it replaced."""

    def trouble(repo: Path) -> None:
        path = repo / "model.bin.track"
        text, count = re.subn(old, new, path.read_text(encoding="utf-8"))
        assert count == 1
        path.write_text(text, encoding="utf-8")

    return trouble


def artifact(name: str, manifest: bytes) -> Trouble:
    """A directory artifact of this manifest, which the store has."""

    def trouble(repo: Path) -> None:
        keep(repo, manifest)
        write(f"{name}.track", pointer(manifest, kind="directory", size=4, files=1))(repo)

    return trouble


def keep(repo: Path, content: bytes) -> None:
    store = Store.open(store_of(repo), create=False)
    try:
        with store.writer() as writer:
            writer.add(content)
            writer.commit()
    finally:
        store.close()


def objects(repo: Path) -> list[Path]:
    """Every file of the store that holds content."""
    top = store_of(repo)
    return sorted(path for kind in ("objects", "packs") for path in (top / kind).rglob("*") if path.is_file())


def without_data(*names: str) -> Trouble:
    """The working copies are gone, as in a fresh clone."""

    def trouble(repo: Path) -> None:
        for name in names or ("data", "model.bin"):
            path = repo / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return trouble


def missing_objects(repo: Path) -> None:
    without_data()(repo)
    for path in objects(repo):
        path.unlink()
    (store_of(repo) / "index.db").unlink(missing_ok=True)


def truncated_objects(repo: Path) -> None:
    without_data()(repo)
    for path in objects(repo):
        path.chmod(0o644)
        os.truncate(path, path.stat().st_size // 2)


def altered_objects(repo: Path) -> None:
    without_data()(repo)
    for path in objects(repo):
        path.chmod(0o644)
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 0x10
        content[5] ^= 0x10
        path.write_bytes(content)


def both(*troubles: Trouble) -> Trouble:
    """One trouble after another; the last may last."""

    def trouble(repo: Path) -> "AbstractContextManager[None] | None":
        lasting = None
        for one in troubles:
            lasting = one(repo)
        return lasting

    return trouble


def share(repo: Path) -> None:
    """Name the folder `remote` beside the repository; in the clone's own settings too, which lets copies use it."""
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    track("config", "--clone", "remote.origin.url", "../remote", cwd=repo).ok()


def remote(repo: Path) -> None:
    """A folder remote with everything in it."""
    share(repo)
    commit_all(repo, "remote")
    track("push", cwd=repo).ok()


def remote_gone(repo: Path) -> None:
    remote(repo)
    shutil.rmtree(repo.parent / "remote")


def remote_is_something_else(repo: Path) -> None:
    remote(repo)
    shutil.rmtree(repo.parent / "remote")
    write("../remote/holiday.jpg")(repo)
    commit_more(repo)


def commit_more(repo: Path) -> None:
    write("more.bin", os.urandom(3 << 20))(repo)
    track("add", "more.bin", cwd=repo).ok()
    commit_all(repo, "more")


@contextmanager
def remote_full(repo: Path) -> Iterator[None]:
    (repo.parent / "remote").mkdir()
    with small_disk(repo.parent / "remote", size_kib=2048, inodes=100):
        track("remote", "add", "origin", "../remote", cwd=repo).ok()
        commit_all(repo, "remote")
        commit_more(repo)
        yield


def remote_altered(repo: Path) -> None:
    remote(repo)
    for path in (repo.parent / "remote").rglob("*"):
        if path.is_file() and {"packs", "objects"} & set(path.parts):
            path.chmod(0o644)
            content = bytearray(path.read_bytes())
            content[3] ^= 0x40
            path.write_bytes(content)
    missing_objects(repo)


def remote_truncated(repo: Path) -> None:
    remote(repo)
    for path in (repo.parent / "remote").rglob("*"):
        if path.is_file() and {"packs", "objects"} & set(path.parts):
            path.chmod(0o644)
            os.truncate(path, path.stat().st_size // 2)
    missing_objects(repo)


def remote_lacks(repo: Path) -> None:
    remote(repo)
    for path in (repo.parent / "remote").rglob("*"):
        if path.is_file() and {"packs", "objects"} & set(path.parts):
            path.unlink()
    missing_objects(repo)


def edited(repo: Path) -> None:
    write("model.bin", b"work of a whole day")(repo)
    git("checkout", "--quiet", "v1", cwd=repo)


def edited_inside(repo: Path) -> None:
    write("data/new/d.bin", b"work of a whole day")(repo)
    git("checkout", "--quiet", "v1", cwd=repo)


def new_file_in_the_way(repo: Path) -> None:
    git("checkout", "--quiet", "v1", cwd=repo)
    write("data/deep/er/c.bin", b"not what was there in v1")(repo)


def newer_store(repo: Path) -> None:
    path = store_of(repo) / "store.toml"
    path.chmod(0o644)
    text, count = re.subn(r"(?m)^format = \d+", "format = 99", path.read_text(encoding="utf-8"))
    assert count == 1
    path.write_text(text, encoding="utf-8")


def newer_remote(repo: Path) -> None:
    remote(repo)
    path = repo.parent / "remote/store.toml"
    path.chmod(0o644)
    path.write_text(path.read_text(encoding="utf-8").replace("format = 1", "format = 99"), encoding="utf-8")
    commit_more(repo)
