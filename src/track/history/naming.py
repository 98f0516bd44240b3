"""Which pointers a whole repository still names: in every ref, reflog, index, operation and working tree.

This is what a collection relies on, so nothing is left out for speed: replaced commits, commits that only a reflog or
an operation in progress knows, conflicts, and linked worktrees are all looked at. A broken ref is an error.
"""

import copy
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from track.errors import HistoryIncomplete, TrackError
from track.history.commit_words import time_of
from track.history.log import read_start
from track.history.plumbing import Git
from track.model.expressions import expression
from track.model.names import display, is_pointer_path, typed

CHANGES = (
    "log", "-z", "--raw", "--root", "--full-history", "--no-abbrev", "--no-renames", "--no-ext-diff",
    "--no-textconv", "--no-color", "--no-notes", "--format=commit %H %ct %s",
)  # fmt: skip
"""How Git is asked what commits did; `-c` or `-m` has to be said, too."""
NAMING_PATHS = ("--", "*.track", ".track")
"""The files that may name artifacts."""
_OID = expression(rb"(?<![0-9a-f])(?:[0-9a-f]{40}|[0-9a-f]{64})(?![0-9a-f])")
_STATE_FILE = expression(r"[A-Z][A-Z_]*")
_OPERATIONS = ("rebase-merge", "rebase-apply", "sequencer")
_MOST_READ = 1 << 20
_SKIPPED = {b".git", b".store"}


class Worktree(NamedTuple):
    """A working tree of a repository: its own Git directory, and its top (None: there is none, or it is gone)."""

    git_dir: Path
    top: Path | None


class Repository(NamedTuple):
    """A whole repository: Git asked from its common directory, and all its working trees."""

    git: Git
    worktrees: tuple[Worktree, ...]


class Named(NamedTuple):
    """A file that may name artifacts: its path from the top, its bytes, and where it is, in words."""

    path: bytes
    content: bytes
    place: str


class Gone(NamedTuple):
    """A pointer in a commit that Git still has, and for which nobody keeps what it names.

    No branch, tag or reflog reaches the commit any more, or it `is_reached` and a policy does not keep it.
    """

    path: bytes
    content: bytes
    commit: str
    committed: int
    subject: str
    is_reached: bool = False


def repository_at(git: Git, common_dir: Path) -> Repository:
    """The repository whose common Git directory this is; `git` is any other one, whose program is used.

    Raises:
        HistoryIncomplete: it is not there, is no repository, Git does not trust it, or a working tree of it that is
            locked cannot be reached.
    """
    asked = copy.copy(git)
    asked.environment = {key: value for key, value in git.environment.items() if not key.startswith("GIT_DIR")}
    for key in ("GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"):
        asked.environment.pop(key, None)
    asked.top = common_dir
    try:
        asked.run("rev-parse", "--git-dir")  # whether Git trusts its owner
    except (TrackError, OSError) as error:
        details = error.details if isinstance(error, TrackError) else (str(error),)
        raise HistoryIncomplete(
            f"the repository at {display(str(common_dir))} uses this store and cannot be read", details=details,
            hint="make it readable, and run the same command again\n"
            f"track gc --forget {typed(str(common_dir))}   if it is gone for good; if it was moved, run `track status` "
            "in it first",
        ) from error  # fmt: skip
    asked.git_dir = asked.common_dir = common_dir
    asked.environment |= {
        "GIT_DIR": str(common_dir),
        "GIT_WORK_TREE": str(common_dir),
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_REF_PARANOIA": "1",
        "GIT_GRAFT_FILE": os.devnull,
    }
    return Repository(asked, tuple(_worktrees(asked, common_dir)))


def is_shallow(repository: Repository) -> bool:
    """Whether commits before some are not here."""
    return repository.git.run("rev-parse", "--is-shallow-repository").strip() == b"true"


def tips_of(repository: Repository) -> frozenset[str]:
    """The commits that a ref, a reflog, or an operation in progress names now.

    Raises:
        GitFailed: a ref is broken.
    """
    hidden = b"".join(oid.encode() + b"\n" for oid in sorted(hidden_tips(repository)))
    listed = repository.git.run("rev-list", "--no-walk=unsorted", "--all", "--reflog", "--stdin", input=hidden)
    return frozenset(listed.decode("ascii").split())


def missing_here(repository: Repository, oids: Iterable[str]) -> set[str]:
    """Those of these commits and tags that the repository does not have."""
    asked = b"".join(oid.encode() + b"\n" for oid in sorted(set(oids)))
    answers = repository.git.run("cat-file", "--batch-check=%(objectname)", input=asked) if asked else b""
    return {line.split()[0].decode() for line in answers.splitlines() if line.endswith(b" missing")}


def everything_named(
    repository: Repository, tips: Iterable[str] = (), *, without: Iterable[str] = ()
) -> Iterator[Named]:
    """Every pointer and record in the repository: committed anywhere, staged or in conflict, or on disk.

    `tips` are commits that count although nothing may name them any more. Of what the commits in `without` reach
    nothing is said; they were looked at before.

    Raises:
        GitFailed: a ref is broken, or a commit, tree or content is not here, as in a partial clone.
        Unreadable: a pointer on disk cannot be read.
    """
    found: dict[str, tuple[bytes, str]] = {}
    for worktree in repository.worktrees:
        for path, oid in _staged(repository.git, worktree):
            found.setdefault(oid, (path, "the index"))
    given = [oid.encode() + b"\n" for oid in sorted({*hidden_tips(repository), *tips})]
    given += [b"^" + oid.encode() + b"\n" for oid in sorted(without)]
    for commit, path, oid in _changes(repository.git, ("--all", "--reflog", "--stdin"), given):
        found.setdefault(oid, (path, f"commit {commit.partition(' ')[0][:10]}"))
    yield from read_contents(repository.git, found)
    yield from _on_disks(repository)


def named_now(repository: Repository) -> Iterator[Named]:
    """Every pointer and record that is staged, in conflict, or on disk, in any working tree. Raises as above."""
    staged = {
        oid: (path, "the index") for worktree in repository.worktrees for path, oid in _staged(repository.git, worktree)
    }
    yield from read_contents(repository.git, staged)
    yield from _on_disks(repository)


def read_contents(git: Git, found: Mapping[str, tuple[bytes, str]]) -> Iterator[Named]:
    """The contents of these ids, of which each has a path and a place."""
    for oid, content in git.blobs(sorted(found)):
        path, place = found[oid]
        yield Named(path, content, place)


def _on_disks(repository: Repository) -> Iterator[Named]:
    for worktree in repository.worktrees:
        if worktree.top is not None:
            yield from _on_disk(worktree.top)


def everything_gone(repository: Repository) -> Iterator[Gone]:
    """The pointers in commits that Git still has and nothing reaches, the newest commits first; for an explanation."""
    git = repository.git
    listing = git.run("cat-file", "--batch-check=%(objecttype) %(objectname)", "--batch-all-objects", "--unordered")
    commits = {line[7:] for line in listing.splitlines() if line.startswith(b"commit ")}
    tips = b"".join(oid.encode() + b"\n" for oid in sorted(hidden_tips(repository)))
    commits.difference_update(git.run("rev-list", "--all", "--reflog", "--stdin", input=tips).split())
    lost = [oid + b"\n" for oid in sorted(commits)]
    changes = list(_changes(git, ("--no-walk=sorted", "--stdin"), lost)) if lost else []
    contents = dict(git.blobs(sorted({oid for _, _, oid in changes})))
    for commit, path, oid in changes:
        name, committed, *subject = commit.split(" ", 2)
        if is_pointer_path(path):
            yield Gone(path, contents[oid], name, time_of(committed), "".join(subject))


def _changes(git: Git, revs: Iterable[str], given: list[bytes]) -> Iterator[tuple[str, bytes, str]]:
    """(commit as formatted, path, content) of every file that a commit brought; of a merge what no parent has."""
    tokens = git.stream(*CHANGES, "-c", *revs, *NAMING_PATHS, input=given, globs=True)
    commit = ""
    for token in tokens:
        token = token.lstrip(b"\n")
        if token.startswith(b"commit "):
            commit = token[7:].decode("utf-8", "replace").rstrip("\n")
        elif token.startswith(b":"):
            parents = len(token) - len(token.lstrip(b":"))
            fields = token.lstrip(b":").decode("ascii").split(" ")
            path = next(tokens, b"")
            if fields[parents].startswith("100"):
                yield commit, path, fields[2 * parents + 1]


def _worktrees(git: Git, common_dir: Path) -> Iterator[Worktree]:
    main = _main_top(git, common_dir)
    yield Worktree(common_dir, main if main is not None and main.is_dir() else None)
    try:
        names = sorted(os.listdir(common_dir / "worktrees"))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        admin = common_dir / "worktrees" / name
        try:
            link = os.fsdecode((admin / "gitdir").read_bytes().rstrip(b"\n"))
        except OSError:
            continue  # being made, or being taken away: nothing was checked out there yet, or is any more
        top = Path(os.path.normpath(admin / link)).parent
        if not top.is_dir() and os.path.lexists(admin / "locked"):
            raise HistoryIncomplete(
                f"the working tree at {display(str(top))} is locked and not there: it may name data",
                hint="connect its disk; or, if it is gone for good: "
                f"git worktree unlock {typed(str(top))} && git worktree prune",
            )
        yield Worktree(admin, top if top.is_dir() else None)


def _main_top(git: Git, common_dir: Path) -> Path | None:
    if git.run("config", "--type=bool", "core.bare", check=False).strip() == b"true":
        return None
    chosen = os.fsdecode(git.run("config", "-z", "core.worktree", check=False).removesuffix(b"\0"))
    if chosen:
        return Path(os.path.normpath(common_dir / chosen))
    return common_dir.parent if common_dir.name == ".git" else None


def asked_at(git: Git, worktree: Worktree) -> Git:
    """Git asked from one of the working trees, which need not be there."""
    asked = copy.copy(git)
    asked.environment = git.environment | {"GIT_DIR": str(worktree.git_dir)}
    return asked


def _staged(git: Git, worktree: Worktree) -> Iterator[tuple[bytes, str]]:
    """Pointers in an index, those of all sides of a conflict too."""
    for record in asked_at(git, worktree).stream("ls-files", "-z", "--stage", "--full-name", *NAMING_PATHS, globs=True):
        head, _, path = record.partition(b"\t")
        mode, oid, _ = head.decode("ascii").split(" ")
        if mode.startswith("100"):
            yield path, oid


def hidden_tips(repository: Repository) -> set[str]:
    """Commits that `--all --reflog` does not reach from here: refs of other worktrees, and what operations keep."""
    words: set[bytes] = set()
    for worktree in repository.worktrees:
        if worktree.git_dir != repository.git.common_dir:
            words.update(asked_at(repository.git, worktree).run("for-each-ref", "--format=%(objectname)").split())
        for path in _state_files(worktree.git_dir):
            try:
                with open(path, "rb") as file:
                    words.update(_OID.findall(file.read(_MOST_READ)))
            except OSError:
                continue  # an operation that has just ended
    answers = repository.git.run(
        "cat-file", "--batch-check=%(objecttype) %(objectname)", input=b"".join(word + b"\n" for word in sorted(words))
    )
    lines = (line.split() for line in answers.splitlines())
    return {line[1].decode() for line in lines if line[0] in (b"commit", b"tag") and len(line) == 2}


def _state_files(git_dir: Path) -> Iterator[Path]:
    for entry in os.scandir(git_dir):
        if entry.is_file(follow_symlinks=False) and _STATE_FILE.fullmatch(entry.name):
            yield Path(entry.path)
    for name in _OPERATIONS:
        for folder, _, files in os.walk(git_dir / name):
            yield from (Path(folder, file) for file in files)


def _on_disk(top: Path) -> Iterator[Named]:
    """Pointers and records in a working tree, ignored by Git or not; tracked folders are passed over."""
    place = f"the working tree {display(str(top))}"
    base = os.fsencode(top)
    for folder, folders, files in os.walk(base, onerror=_raise_unless_gone):
        inner = os.path.relpath(folder, base)
        names = set(files)
        folders[:] = [name for name in folders if name not in _SKIPPED and name + b".track" not in names]
        if inner != b"." and b".git" in os.listdir(folder):
            folders[:] = []
            continue
        for name in files:
            path = name if inner == b"." else os.path.join(inner, name)
            if is_pointer_path(path) or path.startswith(b".track/"):
                content = read_start(base, path)
                if content is not None:
                    yield Named(path, content, place)


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise HistoryIncomplete(
            f"{display(os.fsencode(error.filename or b''))} cannot be read: {error.strerror}; pointers may lie in it",
            hint="make it readable, and run the same command again",
        ) from error
