"""What bad input gets: an error that names the thing and the next step, its exit code, and nothing lost.

A row arranges the trouble in a project that has two versions, runs one command, and says what must be answered.
The working tree must be as it was before the command, but for what the row allows.
"""

import os
import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest

from support.cli import Completed, track
from support.hostile import leaf
from support.scene import duplicate, said_by, two_versions
from support.troubles import (
    Trouble,
    a_socket,
    altered_objects,
    artifact,
    artifact_inside,
    bare,
    below_a_link,
    both,
    broken_pointer,
    commit_more,
    edited,
    edited_inside,
    fifo,
    fifo_inside,
    full_store,
    in_git,
    in_git_now,
    missing_objects,
    nested_git,
    new_file_in_the_way,
    newer_remote,
    newer_store,
    no_git,
    nothing,
    pointer_text,
    read_only_store,
    remote,
    remote_altered,
    remote_full,
    remote_gone,
    remote_is_something_else,
    remote_lacks,
    remote_truncated,
    symlink,
    truncated_objects,
    unborn,
    write,
)


class Row(NamedTuple):
    """One kind of bad input.

    `trouble` is made in the repository; what it returns, if anything, lasts while the command runs. `says` are
    patterns that the message must match, `next` one that the hint must. `where` is the folder to run in.
    """

    trouble: Trouble
    command: tuple[str, ...]
    code: int
    says: tuple[str, ...]
    next: str
    where: str = "."
    changes: tuple[bytes, ...] = ()
    env: tuple[tuple[str, str], ...] = ()


LONG = "n" * 252
BAD_TOML = '[artifact]\nkind = "file\n'

ROWS: dict[str, Row] = {
    # where it runs
    "not a Git repository": Row(no_git, ("status",), 3, (r"not .*Git repository",), r"git init", where="plain"),
    "add outside Git": Row(no_git, ("add", "."), 3, (r"not .*Git repository",), r"git init", where="plain"),
    "a bare repository": Row(bare, ("status",), 3, (r"bare",), r"work", where="bare.git"),
    "no commit yet: log": Row(unborn, ("log", "model.bin"), 2, (r"nothing is committed|no commit",), r"git commit"),
    "no commit yet: diff": Row(unborn, ("diff", "HEAD"), 2, (r"nothing is committed|no commit",), r"git commit"),
    "no commit yet: push": Row(both(remote, unborn), ("push",), 2, (r"nothing is committed|no commit",), r"git commit"),
    "no such revision": Row(nothing, ("checkout", "nonesuch"), 2, (r"nonesuch",), r"git log|track|git branch"),
    # paths
    "outside the repository": Row(write("../out.bin"), ("add", "../out.bin"), 2, (r"out\.bin", r"outside"), r"\w"),
    "absolute and outside": Row(nothing, ("add", "/etc/hostname"), 2, (r"/etc/hostname", r"outside"), r"\w"),
    "inside .git": Row(write(".git/own.bin"), ("add", ".git/own.bin"), 2, (r"\.git/own\.bin", r"\.git"), r"\w"),
    "the store": Row(nothing, ("add", ".store"), 2, (r"\.store",), r"\w"),
    "inside the store": Row(nothing, ("add", ".store/store.toml"), 2, (r"\.store",), r"\w"),
    "inside .track": Row(nothing, ("add", ".track/config.toml"), 2, (r"\.track/config\.toml",), r"\w"),
    "already in Git": Row(in_git, ("add", "known.txt"), 6, (r"known\.txt", r"Git"), r"git rm .*--cached.*known\.txt"),
    "a folder of which Git has a file": Row(
        both(write("mixed/own.txt"), in_git_now("mixed/own.txt")),
        ("add", "mixed"),
        6,
        (r"mixed", r"Git"),
        r"git rm .*--cached",
    ),
    "an artifact inside": Row(artifact_inside, ("add", "outer"), 6, (r"outer",), r"\w"),
    "missing": Row(nothing, ("add", "nonesuch.bin"), 2, (r"nonesuch\.bin",), r"\w"),
    "a link": Row(symlink("link.bin", "model.bin"), ("add", "link.bin"), 1, (r"link\.bin", r"link"), r"\w"),
    "a pipe": Row(fifo, ("add", "pipe"), 1, (r"pipe",), r"\w"),
    "a pipe inside a folder": Row(fifo_inside, ("add", "folder"), 1, (r"folder/pipe",), r"\.trackignore|move"),
    "a socket": Row(a_socket, ("add", "sock"), 1, (r"sock",), r"\w"),
    "a device": Row(
        lambda repo: os.mknod(repo / "device", 0o20644, os.makedev(1, 3)), ("add", "device"), 1, (r"device",), r"\w"
    ),
    "a Git repository inside": Row(nested_git, ("add", "folder"), 6, (r"folder/nested",), r"\w"),
    "a name too long": Row(write(LONG), ("add", LONG), 1, (r"nnnn", r"252 bytes"), r"rename|folder"),
    "a name for which no file can exist": Row(nothing, ("add", "n" * 300), 2, (r"nnnn",), r"\w"),
    "below a linked folder": Row(below_a_link, ("add", "linked/x.bin"), 7, (r"linked", r"link"), r"\w"),
    # disks
    "disk full": Row(full_store, ("add", "big.bin"), 1, (r"no space", r"store"), r"free|space|df"),
    "read-only store": Row(read_only_store, ("add", "new.bin"), 1, (r"store", r"read-only|written"), r"\w"),
    # pointers
    "a pointer that is not TOML": Row(pointer_text(BAD_TOML), ("checkout",), 7, (r"model\.bin\.track",), r"git \w+"),
    "a digest that is none": Row(
        broken_pointer(r'digest = "blake3:.{4}', 'digest = "blake3:zzzz'),
        ("checkout",),
        7,
        (r"model\.bin\.track", r"digest"),
        r"git \w+",
    ),
    "a digest of another kind": Row(
        broken_pointer(r'digest = "blake3:', 'digest = "md5:'),
        ("status",),
        7,
        (r"model\.bin\.track", r"digest"),
        r"git",
    ),
    "a digest without a text": Row(
        broken_pointer(r'digest = ".*"', "digest = 7"), ("checkout",), 7, (r"model\.bin\.track", r"digest"), r"git"
    ),
    "a negative size": Row(
        broken_pointer(r"size = \d+", "size = -1"), ("checkout",), 7, (r"model\.bin", r"size"), r"git"
    ),
    "a kind that is none": Row(
        broken_pointer(r'kind = "file"', 'kind = "fifo"'), ("checkout",), 7, (r"model\.bin\.track", r"kind"), r"git"
    ),
    "a pointer of a later format": Row(
        broken_pointer(r"\[artifact\]", "[artifact]\nformat = 2"),
        ("checkout",),
        3,
        (r"model\.bin\.track", r"newer|later|format 2"),
        r"upgrade|newer|update",
    ),
    "a conflict in a pointer": Row(
        broken_pointer(r"\[artifact\]\n", "[artifact]\n<<<<<<< ours\n"),
        ("status",),
        6,
        (r"model\.bin\.track", r"conflict"),
        r"track merge model\.bin\.track --take ours",
    ),
    # manifests
    "a manifest that escapes": Row(
        both(artifact("trap", leaf(b"f 4 " + b"0" * 64 + b" ../x\n"))), ("checkout",), 7, (r"trap", r"\.\./x"), r"\w"
    ),
    "a manifest for .git": Row(
        artifact("trap", leaf(b"f 4 " + b"0" * 64 + b" .GIT/x\n")), ("checkout",), 7, (r"trap", r"\.GIT"), r"\w"
    ),
    # objects
    "objects that are missing": Row(
        missing_objects, ("checkout",), 4, (r"data|model\.bin",), r"track (pull|fetch|remote)"
    ),
    "objects that are cut short": Row(
        truncated_objects, ("checkout",), 7, (r"data: .*damaged", r"model\.bin: .*damaged", r"\.pack"), r"track repair"
    ),
    "objects that were altered": Row(  # what is whole is placed
        altered_objects, ("checkout",), 7, (r"data: .*damaged", r"\.pack"), r"track repair", changes=(b"model.bin",)
    ),
    # remotes
    "no remote": Row(nothing, ("push",), 5, (r"remote",), r"track remote add"),
    "no remote of that name": Row(remote, ("push", "nonesuch"), 5, (r"nonesuch",), r"track remote"),
    "a remote that is gone": Row(both(remote_gone, commit_more), ("push",), 5, (r"remote",), r"\w"),
    "a pull from a remote that is gone": Row(both(remote_gone, missing_objects), ("pull",), 5, (r"remote",), r"\w"),
    "a remote that is something else": Row(remote_is_something_else, ("push",), 5, (r"remote", r"not .*store"), r"\w"),
    "a remote that is full": Row(remote_full, ("push",), 1, (r"no space", r"remote"), r"free|space|df"),
    "a remote that lacks it": Row(remote_lacks, ("pull",), 4, (r"data|model|more",), r"push|\w"),
    "a remote that altered it": Row(  # what is whole there is placed
        remote_altered, ("pull",), 7, (r"remote|pack",), r"\w", changes=(b"model.bin", b"data")
    ),
    "a remote that cut it short": Row(  # what is whole there is placed
        remote_truncated, ("pull",), 7, (r"remote|pack",), r"\w", changes=(b"model.bin", b"data")
    ),
    # work
    "a checkout over edits": Row(edited, ("checkout",), 6, (r"model\.bin",), r"track add|--force"),
    "a checkout over edits inside": Row(edited_inside, ("checkout",), 6, (r"data/new/d\.bin",), r"track add|--force"),
    "a new file in the way": Row(
        new_file_in_the_way, ("checkout",), 6, (r"data/deep/er/c\.bin",), r"track add|--force"
    ),
    # later versions
    "a project of a later format": Row(
        write(".track/config.toml", b"format = 99\n"), ("status",), 3, (r"repository", r"99", r"later"), r"upgrade"
    ),
    "a store of a later format": Row(newer_store, ("checkout",), 3, (r"store", r"99"), r"upgrade|newer|update"),
    "a remote of a later format": Row(newer_remote, ("push",), 3, (r"remote|store", r"99"), r"upgrade|newer|update"),
    "settings that are not TOML": Row(
        write(".track/config.toml", b"remote = {\n"), ("status",), 3, (r"config\.toml", r"TOML"), r"\w"
    ),
}

SYSTEM = {"disk full", "read-only store", "a remote that is full", "a device"}


def rows() -> Iterator[object]:
    for name, row in ROWS.items():
        marks = [pytest.mark.needs("root", "mount")] if name in SYSTEM else []
        yield pytest.param(row, id=name, marks=marks)


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_versions(tmp_path_factory.mktemp("versions") / "repo")


@pytest.fixture
def repo(versions: Path, tmp_path: Path) -> Path:
    return duplicate(versions, tmp_path / "repo")


def unchanged(repo: Path, before: dict[bytes, object], changes: tuple[bytes, ...]) -> None:
    """The working tree is as it was, but for `changes`."""
    after = {path: node for path, node in kinds(repo).items() if path not in changes}
    assert after == {path: node for path, node in before.items() if path not in changes}


def kinds(repo: Path) -> dict[bytes, object]:
    """The working tree, with pipes and sockets by their kind, so that nothing hangs."""
    found: dict[bytes, object] = {}
    for folder, directories, names in os.walk(os.fsencode(repo)):
        if folder == os.fsencode(repo):
            directories[:] = [name for name in directories if name not in (b".git", b".store")]
        for name in names:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, os.fsencode(repo))
            if os.path.islink(path):
                found[relative] = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    found[relative] = (file.read(), os.stat(path).st_mode)
            else:
                found[relative] = os.lstat(path).st_mode
    return found


def answered(done: Completed, row: Row) -> None:
    """The answer has the code, names the thing, and says what to do next."""
    assert done.code == row.code, said_by(done)
    assert "Traceback" not in done.err
    message, _, hint = done.err.partition("hint:")
    for pattern in row.says:
        assert re.search(pattern, message, re.IGNORECASE), f"{pattern!r} is not in: {message}"
    assert hint.strip(), f"no next step: {done.err}"
    assert re.search(row.next, hint), f"{row.next!r} is not in the hint: {hint}"


@pytest.mark.parametrize("row", list(rows()))
def test_bad_input_is_answered_and_nothing_is_lost(repo: Path, row: Row) -> None:
    lasting = row.trouble(repo)
    with lasting if lasting is not None else nullcontext():
        before = kinds(repo)
        done = track(*row.command, cwd=repo / row.where)
        answered(done, row)
        unchanged(repo, before, row.changes)
