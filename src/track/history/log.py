"""Commits to pointers: which pointer files are in the working tree, the index or a commit, and how each came to be.

Everything streams from Git's plumbing, one process for the names and one for the contents. Contents are bytes as they
are in the file; what they mean is for `model.pointer`.
"""

import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from track.errors import GitFailed, Unreadable
from track.history.brought import contents_between
from track.history.commit_words import text_of, time_of
from track.history.left_out import left_out, present_among
from track.history.plumbing import Git, PointerFiles
from track.model.names import display, is_pointer_path, is_record_path

MAX_POINTER = 1 << 20
"""A pointer is never larger (bytes); of a larger file one byte more is read, so that its reader can refuse it."""

# 130 MB less for a long history, in the same time
_FRUGAL = ("-c", "core.deltaBaseCacheLimit=8m", "-c", "core.packedGitWindowSize=1m", "-c", "core.packedGitLimit=16m")
MAX_RECORD = 16 << 20
"""The same for a record of a run."""

_LOG = (
    "log", "-z", "-c", "--raw", "--root", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color",
    "--encoding=UTF-8", "--no-notes", "--format=commit %H%n%P%n%an%n%ae%n%at%n%ct%n%s",
)  # fmt: skip
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_REGULAR = ("100644", "100755")
_RECORDS = ".track/runs/*.toml"


class Commit(NamedTuple):
    """One commit. Times are seconds since 1970 UTC; `subject` is the first line of its message."""

    oid: str
    parents: tuple[str, ...]
    author: str
    email: str
    authored: int
    committed: int
    subject: str


class Event(NamedTuple):
    """What one commit did to one pointer: `op` is A (made), M (changed) or D (removed); `blob` is its content then.

    `before` is its content in the commit's first parent; None where it was not there, or was no file.
    A merge has events only for pointers that are as in none of its parents; then `op` is M or D.
    """

    commit: Commit
    path: bytes
    op: str
    blob: str | None
    before: str | None = None


class Unmerged(NamedTuple):
    """A pointer file in conflict, as Git's index has it: the ids of its content; none where a side has no such file."""

    base: str | None
    ours: str | None
    theirs: str | None


def unmerged_pointers(git: Git) -> dict[bytes, Unmerged]:
    """Return the pointer files in conflict, sorted by path; those that are a link on one side are left out."""
    found: dict[bytes, dict[int, str]] = {}
    links: set[bytes] = set()
    for record in git.run("ls-files", "-z", "--unmerged", "--", "*.track", globs=True).split(b"\0")[:-1]:
        head, _, path = record.partition(b"\t")
        mode, oid, stage = head.decode("ascii").split(" ")
        if is_pointer_path(path):
            found.setdefault(path, {})[int(stage)] = oid
            if not mode.startswith("100"):
                links.add(path)
    return {
        path: Unmerged(stages.get(1), stages.get(2), stages.get(3))
        for path, stages in sorted(found.items())
        if path not in links
    }


def pointers_in_worktree(git: Git, files: PointerFiles | None = None) -> list[tuple[bytes, bytes]]:
    """Return the pointer files on disk, sorted by path, with their contents: staged, in conflict, or new.

    A pointer that is a link, or lies below one, is not there. `files` is `git.pointer_files()` for whoever asked it.

    Raises:
        Unreadable: one of them cannot be read.
    """
    files = files or git.pointer_files()
    folders: dict[bytes, bool] = {}
    found = []
    for path in sorted({*files.staged, *files.unmerged, *files.untracked}):
        content = _read(os.fsencode(git.top), path, folders)
        if content is not None:
            found.append((path, content))
    return found


def pointers_staged(git: Git) -> list[tuple[bytes, bytes]]:
    """Return the pointers in Git's index, sorted by path, with their contents; those in conflict are left out."""
    return _with_contents(git, git.staged_pointers())


def staged_contents(git: Git, paths: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return what Git's index has for those of `paths` that are files in it, in conflict or not at all apart."""
    found: dict[bytes, str] = {}
    for record in git.run("ls-files", "-z", "--stage", "--", *paths).split(b"\0")[:-1]:
        head, _, path = record.partition(b"\t")
        mode, oid, stage = head.decode("ascii").split(" ")
        if path in paths and stage == "0" and mode.startswith("100"):
            found[path] = oid
    contents = dict(git.blobs(sorted(set(found.values()))))
    return {path: contents[oid] for path, oid in found.items()}


def pointers_at(git: Git, rev: str) -> list[tuple[bytes, bytes]]:
    """Return the pointers in a commit, sorted by path, with their contents.

    Raises:
        UnknownRevision: there is no such commit.
        GitFailed: a content is not in the repository, as in a partial clone.
    """
    pointers = git.tree_pointers(rev)
    contents = contents_between(git, pointers.values(), (rev,))
    return [(path, contents[pointers[path]]) for path in sorted(pointers)]


def pointers_between(git: Git, old: str, new: str) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Return the pointers that two commits do not share, as `pointers_at` would: those of `old`, those of `new`.

    Raises:
        UnknownRevision: one of them is not a commit.
        GitFailed: a content is not in the repository, as in a partial clone.
    """
    before: dict[bytes, str] = {}
    after: dict[bytes, str] = {}
    commits = [git.resolve(rev) if rev.startswith("-") else os.fsencode(rev) + b"^{commit}" for rev in (old, new)]
    tokens = git.stream(
        "diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", *commits, "--", "*.track", globs=True
    )
    try:
        for head in tokens:
            path = next(tokens, b"")
            old_mode, new_mode, old_blob, new_blob, _ = head[1:].decode("ascii").split(" ")
            for side, mode, blob in ((before, old_mode, old_blob), (after, new_mode, new_blob)):
                if mode in _REGULAR and is_pointer_path(path):
                    side[path] = blob
    except GitFailed:
        for rev in (old, new):
            git.resolve(rev)
        raise
    contents = contents_between(git, (*before.values(), *after.values()), (old, new))
    first, second = ([(path, contents[side[path]]) for path in sorted(side)] for side in (before, after))
    return first, second


def pointer_at(git: Git, rev: str, path: bytes) -> bytes | None:
    """Return the content of the pointer file `path` in a commit; none when it is not there."""
    blob = git.tree_pointers(rev).get(path)
    return None if blob is None else next(git.blobs([blob]))[1]


def was_named(git: Git, path: bytes, text: str) -> bool:
    """Whether the pointer file `path` has this text in it in some commit that a ref, or the log of one, reaches."""
    return bool(
        git.run(
            "log", "-1", "--format=%H", "--all", "--reflog", "--full-history", "--no-renames", "--no-textconv",
            "--no-ext-diff", f"-S{text}", "--", path, check=False,
        )
    )  # fmt: skip


def removed_in(git: Git, commits: Sequence[str]) -> dict[str, dict[bytes, str]]:
    """Return which pointers each of these commits, that are no merges, removed, with their contents before it."""
    if not commits:
        return {}
    arguments = ("--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", "--", "*.track")
    tokens = git.stream("diff-tree", *arguments, input=(f"{one}\n".encode() for one in commits), globs=True)
    found: dict[str, dict[bytes, str]] = {}
    commit = ""
    for token in tokens:
        if not token.startswith(b":"):
            commit = token.decode("ascii").strip()
            continue
        path = next(tokens, b"")
        old_mode, _, old, _, status = token[1:].decode("ascii").split(" ")
        if status == "D" and old_mode.startswith("100") and is_pointer_path(path):
            found.setdefault(commit, {})[path] = old
    return found


def history(
    git: Git, revs: Sequence[str] | None, paths: Sequence[bytes] = (), *, every_side: bool = False
) -> Iterator[Event]:
    """Give what commits did to pointers, newest first: to `paths`, or to all.

    `revs` are what is reached from, None every ref; `every_side` also follows sides of merges that ended as the other.

    Raises:
        UnknownRevision: one of `revs` is not a commit.
    """
    commits = ["--all"] if revs is None else [git.resolve(rev) for rev in revs]
    if not commits:
        return
    yield from _events(git, (*(("--full-history",) if every_side else ()), *commits), paths)


def brought(
    git: Git, tips: Sequence[str], known: Sequence[str] = (), *, remote: str | None = None, records: bool = False
) -> Iterator[Event]:
    """Give what commits that no remote has did to pointers, or to `records` of runs, newest first.

    Of the commits that `tips` reach those are left out that `known` or a remote-tracking ref, of the Git remote of that
    name or of any, reaches; ids among `known` that are not here do not count.
    """
    tracked = "--remotes" if remote is None else f"--remotes={remote}"
    chosen = ("--full-history", "--ignore-missing", *tips, *(f"^{one}" for one in known), "--not", tracked)
    wanted, is_wanted = (_RECORDS, is_record_path) if records else ("*.track", is_pointer_path)
    yield from _events(git, chosen, (), wanted=wanted, is_wanted=is_wanted)


def commits(git: Git, tips: Sequence[str], known: Sequence[str] = ()) -> Iterator[tuple[Commit, list[Event]]]:
    """Give every commit that `tips` reach and `known` do not, newest first, with what it did to pointers and records.

    Ids that are not here do not count. All is streamed.
    """
    given = [*(f"{one}\n" for one in tips), *(f"^{one}\n" for one in known)]
    tokens = git.stream(
        *_FRUGAL, *_LOG, "--full-history", "--sparse", "--ignore-missing", "--stdin", "--", "*.track", _RECORDS,
        input=(line.encode("ascii") for line in given), globs=True,
    )  # fmt: skip
    commit: Commit | None = None
    events: list[Event] = []
    for token in tokens:
        token = token.lstrip(b"\n")
        if token.startswith(b"commit "):
            if commit is not None:
                yield commit, events
            commit, events = _parse_commit(token), []
        elif token.startswith(b":"):
            path = next(tokens, b"")
            assert commit is not None
            if is_pointer_path(path) or is_record_path(path):
                event = _parse_event(commit, token, path)
                events += [event] if event is not None else []
    if commit is not None:
        yield commit, events


def records_everywhere(git: Git, among: Collection[str], paths: Sequence[bytes] = ()) -> dict[bytes, str]:
    """Return the records of runs in any ref's history, at `paths` or all, by the ids of contents; later `among` win."""
    found: dict[bytes, str] = {}
    for event in _events(git, ("--full-history", "--all"), paths, wanted=_RECORDS, is_wanted=is_record_path):
        if event.blob is not None and event.blob in among:
            found.setdefault(event.path, event.blob)
    return found


def records_at(git: Git, rev: str) -> list[tuple[bytes, bytes]]:
    """Return the records of runs in a commit, sorted by path, with their contents.

    Raises:
        UnknownRevision: there is no such commit.
        GitFailed: a content is not in the repository, as in a partial clone.
    """
    commit = git.resolve(rev)
    found: dict[bytes, str] = {}
    for record in git.stream("ls-tree", "-r", "-z", "--full-tree", commit, "--", ".track/runs/"):
        head, _, path = record.partition(b"\t")
        mode, _, oid = head.split(b" ")
        if mode.decode("ascii") in _REGULAR and is_record_path(path):
            found[path] = oid.decode("ascii")
    return _with_contents(git, found)


def records_staged(git: Git) -> list[tuple[bytes, bytes]]:
    """Return the records of runs in Git's index, sorted by path, with their contents."""
    found: dict[bytes, str] = {}
    for record in git.stream("ls-files", "-z", "--stage", "--", ".track/runs/"):
        head, _, path = record.partition(b"\t")
        mode, oid, stage = head.split(b" ")
        if stage == b"0" and mode.decode("ascii") in _REGULAR and is_record_path(path):
            found[path] = oid.decode("ascii")
    return _with_contents(git, found)


def records_here(git: Git) -> Iterator[tuple[bytes, bytes]]:
    """Give the records of runs in the working tree, staged or not, sorted by path, with their contents; then those
    that a sparse checkout leaves out, as they are in Git's index.

    One that lies below a link, or is none, is passed over.
    """
    top = os.fsencode(git.top)
    listed = git.run("ls-files", "-z", "--cached", "--others", "--", ".track/runs/").split(b"\0")
    folders: dict[bytes, bool] = {}
    absent: set[bytes] = set()
    for path in sorted({path for path in listed if is_record_path(path)}):
        content = _read(top, path, folders, MAX_RECORD)
        if content is not None:
            yield path, content
        else:
            absent.add(path)
    yield from present_among(git, left_out(git, absent)).items()


def records_left_out(git: Git, paths: Collection[bytes]) -> list[tuple[bytes, bytes]]:
    """Return what Git's index has at those of `paths`, none of which is on disk, that a sparse checkout leaves out;
    without what a partial clone lacks.
    """
    return list(present_among(git, left_out(git, paths)).items())


def _events(
    git: Git,
    chosen: Sequence[str],
    paths: Sequence[bytes],
    *,
    wanted: str = "*.track",
    is_wanted: Callable[[bytes], bool] = is_pointer_path,
) -> Iterator[Event]:
    tokens = git.stream(*_LOG, *chosen, "--", *(paths or (wanted,)), globs=not paths)
    commit: Commit | None = None
    for token in tokens:
        token = token.lstrip(b"\n")
        if token.startswith(b"commit "):
            commit = _parse_commit(token)
        elif token.startswith(b":"):
            path = next(tokens, b"")
            assert commit is not None
            if is_wanted(path):
                event = _parse_event(commit, token, path)
                if event is not None:
                    yield event


def _parse_commit(token: bytes) -> Commit:
    oid, parents, author, email, authored, committed, subject = map(text_of, token.split(b"\n", 6))
    when = time_of(authored, committed), time_of(committed, authored)
    return Commit(oid.removeprefix("commit "), tuple(parents.split()), author, email, *when, subject)


def _parse_event(commit: Commit, token: bytes, path: bytes) -> Event | None:
    """Return the event of a raw line, `:mode mode oid oid status`, or for a merge one colon, mode and oid a parent."""
    parents = len(token) - len(token.lstrip(b":"))
    fields = token.lstrip(b":").decode("ascii").split(" ")
    mode, blob = fields[parents], fields[2 * parents + 1]
    before = fields[parents + 1] if fields[0].startswith("100") else None
    if mode in _REGULAR:
        made = parents == 1 and not fields[0].startswith("100")
        return Event(commit, path, "A" if made else "M", blob, before)
    if any(old.startswith("100") for old in fields[:parents]):
        return Event(commit, path, "D", None, before)
    return None


def _with_contents(git: Git, pointers: dict[bytes, str]) -> list[tuple[bytes, bytes]]:
    contents = dict(git.blobs(sorted(set(pointers.values()))))
    return [(path, contents[pointers[path]]) for path in sorted(pointers)]


def read_start(top: bytes, path: bytes, limit: int = MAX_POINTER) -> bytes | None:
    """Return the start of the file `path` below `top`; none when it is no file, or lies below a link.

    Raises:
        Unreadable: it cannot be read.
    """
    return _read(top, path, {}, limit)


def _read(top: bytes, path: bytes, folders: dict[bytes, bool], limit: int = MAX_POINTER) -> bytes | None:
    """Return the start of a file that is one, in a folder that is one; none for anything else."""
    folder = os.path.join(top, os.path.dirname(path)).rstrip(b"/") or b"/"
    if folder not in folders:
        folders[folder] = os.path.realpath(folder) == folder
    if not folders[folder]:
        return None
    try:
        fd = os.open(os.path.join(top, path), _READ)
    except OSError as error:
        if not os.path.isfile(os.path.join(top, path)) or os.path.islink(os.path.join(top, path)):
            return None
        raise Unreadable(f"{display(path)} cannot be read: {error.strerror}", hint="check its permissions") from error
    try:
        return _start(fd, limit) if stat.S_ISREG(os.fstat(fd).st_mode) else None
    finally:
        os.close(fd)


def _start(fd: int, limit: int) -> bytes:
    content = os.read(fd, limit + 1)
    while 0 < len(content) <= limit and (more := os.read(fd, limit + 1 - len(content))):
        content += more
    return content
