"""The only place that starts Git: fast questions, asked with a scrubbed environment.

Nothing here runs a hook, a filter, a pager, an editor or a file-system monitor of the repository, or reaches the
network. Paths are bytes from the top of the working tree; patterns in them mean nothing.
"""

import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from errno import EAGAIN, EMFILE, ENFILE, ENOMEM
from pathlib import Path
from typing import NamedTuple

from track.errors import GitFailed, NotARepository, UnknownRevision
from track.history import surroundings
from track.history.git_failure import failed
from track.history.surroundings import Place
from track.model.names import display, is_pointer_path

OLDEST_GIT = (2, 31)

_FLAGS = (
    "--no-pager",
    "--no-optional-locks",
    "-c",
    "core.fsmonitor=",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "log.showSignature=false",
)
_LITERAL = "--literal-pathspecs"
_POINTERS = ("--", "*.track")
_REGULAR = (b"100644", b"100755")


class PointerFiles(NamedTuple):
    """The pointer files of a working tree as Git's index knows them.

    `staged` maps a path to its blob; `unmerged` are in conflict; `untracked` are neither staged nor ignored.
    """

    staged: dict[bytes, str]
    unmerged: tuple[bytes, ...]
    untracked: tuple[bytes, ...]


class Git:
    """Questions to one Git repository with a working tree, found from a folder in it."""

    def __init__(self, cwd: str | Path | None = None) -> None:
        """Find the repository that holds `cwd` (default: where we are).

        Inside a hook, what Git itself set (directory, working tree, index) holds, unless it speaks of another
        repository than the one that `cwd` lies in.

        Raises:
            NotARepository: there is none, it has no working tree, or Git itself refuses to trust it.
            GitFailed: Git is missing or too old.
        """
        self.program = surroundings.find_program("git")
        folder = os.path.abspath(cwd if cwd is not None else os.curdir)
        self.environment, place = _discover(self.program, folder)
        self.top = Path(place.top)
        self.git_dir = Path(place.git_dir)
        self.common_dir = Path(place.common_dir)

    @property
    def index_file(self) -> Path:
        """Return the index in use: the repository's own, or the one Git gave to a hook."""
        return Path(self.environment.get("GIT_INDEX_FILE") or self.git_dir / "index")

    def run(self, *args: str | bytes, input: bytes | None = None, check: bool = True, globs: bool = False) -> bytes:
        """Run `git ARGS` at the top of the working tree and return what it printed.

        `check=False` returns the output whatever the exit code; `globs` lets patterns in paths mean something.

        Raises:
            GitFailed: its exit code was not 0; `details` hold what it said.
        """
        done = subprocess.run(
            self._command(args, globs),
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            cwd=self.top,
            env=self.environment,
        )
        if check and done.returncode:
            raise failed(args, done.stderr)
        return done.stdout

    def stream(self, *args: str | bytes, input: Iterable[bytes] | None = None, globs: bool = False) -> Iterator[bytes]:
        """Run `git ARGS` and give its NUL-terminated records one by one, in flat memory.

        Raises:
            GitFailed: its exit code was not 0, known when the last record was read.
        """
        with _Process(self._command(args, globs), self, input) as process:
            rest = b""
            while block := process.read(1 << 16):
                *records, rest = (rest + block).split(b"\0")
                yield from records
            if rest:
                yield rest
            process.finish(args)

    def pointer_files(self) -> PointerFiles:
        """Return every pointer file in the index and beside it, with one question."""
        records = self.run(
            "ls-files", "-z", "-t", "--stage", "--others", "--exclude-standard", *_POINTERS, globs=True
        ).split(b"\0")
        staged: dict[bytes, str] = {}
        unmerged: set[bytes] = set()
        untracked: list[bytes] = []
        for record in records[:-1]:
            if record[:1] == b"?":
                untracked.append(record[2:])
                continue
            head, _, path = record[2:].partition(b"\t")
            mode, oid, stage = head.split(b" ")
            if not is_pointer_path(path):
                continue
            if stage != b"0":
                unmerged.add(path)
            elif mode in _REGULAR:
                staged[path] = oid.decode("ascii")
        return PointerFiles(staged, tuple(sorted(unmerged)), tuple(filter(is_pointer_path, untracked)))

    def staged_pointers(self) -> dict[bytes, str]:
        """Return the pointer files in the index with their blobs; links and conflicts are left out."""
        staged: dict[bytes, str] = {}
        for record in self.run("ls-files", "-z", "--stage", *_POINTERS, globs=True).split(b"\0")[:-1]:
            head, _, path = record.partition(b"\t")
            mode, oid, stage = head.split(b" ")
            if stage == b"0" and mode in _REGULAR and is_pointer_path(path):
                staged[path] = oid.decode("ascii")
        return staged

    def untracked_pointers(self) -> tuple[bytes, ...]:
        """Return pointer files that are neither staged nor ignored, sorted."""
        found = self.run("ls-files", "-z", "--others", "--exclude-standard", *_POINTERS, globs=True).split(b"\0")
        return tuple(sorted(filter(is_pointer_path, found)))

    def tree_pointers(self, rev: str) -> dict[bytes, str]:
        """Return the pointer files in the tree of a commit with their blobs.

        Raises:
            UnknownRevision: there is no such commit.
        """
        commit = rev if _is_full_oid(rev) else self.resolve(rev)
        found: dict[bytes, str] = {}
        for record in self.stream("ls-tree", "-r", "-z", "--full-tree", commit):
            head, _, path = record.partition(b"\t")
            if is_pointer_path(path):
                mode, _, oid = head.split(b" ")
                if mode in _REGULAR:
                    found[path] = oid.decode("ascii")
        return found

    def blobs(self, oids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Give the content of many blobs in the order asked, with one process.

        Raises:
            GitFailed: one of them is not in the repository, as in a partial clone, or is not a blob.
        """
        asked = [oid.encode("ascii") + b"\n" for oid in oids]
        if not asked:
            return
        args = ("cat-file", "--batch", "--buffer")
        with _Process(self._command(args, False), self, asked) as process:
            for line in asked:
                oid = line[:-1].decode("ascii")
                head = process.readline().split()
                if len(head) != 3 or head[1] != b"blob":
                    process.raise_missing(oid)
                size = int(head[2])
                content = process.read(size + 1)
                if len(content) != size + 1:
                    process.raise_missing(oid)
                yield oid, content[:-1]
            process.finish(args)

    def resolve(self, rev: str) -> str:
        """Return the full id of the commit that a revision names.

        Raises:
            UnknownRevision: it names none, looks like an option, or there is no commit yet.
        """
        if not rev or rev.startswith("-") or any(ord(c) < 32 or ord(c) == 127 for c in rev):
            raise UnknownRevision(f"`{display(rev)}` is not a revision")
        if rev == "HEAD" and (head := self.head()) is not None:
            return head
        found = self.run("rev-parse", "--verify", "--quiet", os.fsencode(rev) + b"^{commit}", check=False)
        if _is_full_oid(oid := found.strip().decode("ascii", "replace")):
            return oid
        if self.head() is None:
            raise UnknownRevision(f"there is no `{display(rev)}`: nothing is committed yet", hint="git commit")
        raise UnknownRevision(f"no commit, tag or branch is called `{display(rev)}`", rev=rev)

    def head(self) -> str | None:
        """Return the id of the commit that is checked out; none before the first one."""
        if _is_full_oid(found := self._first_line(self.git_dir / "HEAD")):
            return found
        if _is_branch(found) and _is_full_oid(oid := self._first_line(self.common_dir / found[5:])):
            return oid
        return self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}", check=False).strip().decode() or None

    def branch(self) -> str | None:
        """Return the name of the branch that is checked out; none when HEAD is detached."""
        if _is_branch(found := self._first_line(self.git_dir / "HEAD")):
            return found.removeprefix("ref: refs/heads/")
        name = self.run("symbolic-ref", "--quiet", "--short", "HEAD", check=False).strip()
        return os.fsdecode(name) or None

    def _first_line(self, path: Path) -> str:
        """Return what a file of Git's says; empty when it is packed, or kept in another way. Saves a process."""
        try:
            with open(path, "rb") as file:
                return os.fsdecode(file.readline(4096).strip())
        except OSError:
            return ""

    def merge_base(self, first: str, second: str) -> str | None:
        """Return the best common ancestor of two revisions; none when they share no history."""
        found = self.run("merge-base", self.resolve(first), self.resolve(second), check=False).strip()
        return found.decode("ascii") or None

    def is_tracked(self, paths: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the files in Git's index that are one of `paths` or lie below one, sorted; empty is no."""
        if not paths:
            return ()
        return tuple(self.run("ls-files", "-z", "--", *paths).split(b"\0")[:-1])

    def ignored(self, paths: Sequence[bytes]) -> set[bytes]:
        """Return those of `paths` that Git ignores and does not track."""
        if not paths:
            return set()
        given = b"".join(b"./" + path + b"\0" for path in paths)  # it knows no literal paths; `./` keeps magic out
        found = self.run("check-ignore", "-z", "--stdin", input=given, check=False, globs=True).split(b"\0")
        return {path[2:] for path in found if path}

    def config(self, key: str) -> str | None:
        """Return the last value of a key of Git's own configuration, or none; what `run` overrides is not in it."""
        command = [self.program, "config", "-z", "--get", key]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, cwd=self.top, env=self.environment
        )
        return os.fsdecode(done.stdout.removesuffix(b"\0")) if done.stdout else None

    def version(self) -> tuple[int, ...]:
        """Return Git's version as numbers, such as (2, 39, 5)."""
        words = self.run("version").decode("ascii", "replace").split()
        return tuple(int(part) for part in words[2].split(".")[:3] if part.isdecimal())

    def git_path(self, name: str) -> Path:
        """Return where Git keeps `name` for this working tree, such as `hooks` or `info/exclude`."""
        found = self.run("rev-parse", "--path-format=absolute", "--git-path", name)
        return Path(os.fsdecode(found.removesuffix(b"\n")))

    def operation(self) -> str | None:
        """Return the Git operation in progress here (`merge`, `rebase`, …), or none."""
        for name, word in surroundings.OPERATIONS:
            if os.path.lexists(self.git_dir / name):
                return word
        return None

    def _command(self, args: Sequence[str | bytes], globs: bool) -> list[str | bytes]:
        return [self.program, *_FLAGS, *(() if globs else (_LITERAL,)), *args]


class _Process:
    """One running Git, fed from a thread, killed when it is left early."""

    def __init__(self, command: list[str | bytes], git: Git, input: Iterable[bytes] | None) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=git.top,
            env=git.environment,
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        self._stdout, self._stderr = self._process.stdout, self._process.stderr
        self.read = self._stdout.read
        self.readline = self._stdout.readline
        self._said: list[bytes] = []
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        if input is not None:
            self._threads.append(threading.Thread(target=self._feed, args=(input,), daemon=True))
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "_Process":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        self._stdout.close()
        self._stderr.close()

    def finish(self, args: Sequence[str | bytes]) -> None:
        """Wait for the end; raise GitFailed when it was not a good one."""
        if self._process.wait():
            self._threads[0].join()
            raise failed(args, b"".join(self._said))

    def raise_missing(self, oid: str) -> None:
        """Raise GitFailed for a blob that Git did not give."""
        hint = "git fetch --refetch --no-filter      (in a partial clone; otherwise: git fsck)"
        raise GitFailed(f"Git has no blob {oid[:12]}, which this history names", hint=hint)

    def _feed(self, input: Iterable[bytes]) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        with suppress(OSError), pipe:  # it ended first, and says why on its own
            for piece in input:
                pipe.write(piece)

    def _listen(self) -> None:
        self._said.append(self._stderr.read())


def _discover(program: str, cwd: str) -> tuple[dict[str, str], Place]:
    """Return the environment for every further question, and where the repository is."""
    clean = surroundings.scrubbed(os.environ)
    given = surroundings.local(os.environ)
    configured = {key: value for key, value in given.items() if key.startswith("GIT_CONFIG")}
    if not surroundings.speaks_of_a_place(given):
        environment = clean | configured
        return environment, _own_place(program, cwd, environment)
    if not surroundings.is_explicit(given, cwd):
        try:
            place = _own_place(program, cwd, clean | configured)
        except NotARepository:
            if "GIT_DIR" not in given:
                raise
        else:
            if not surroundings.names_same(given, place):
                return clean, place
            kept = {key: value for key, value in given.items() if key not in ("GIT_DIR", "GIT_WORK_TREE")}
            return clean | surroundings.absolute(kept, place.top), place
    place = _ask_place(program, cwd, clean | surroundings.absolute(given, None))
    return clean | surroundings.absolute({"GIT_WORK_TREE": place.top} | given, place.top), place


def _own_place(program: str, cwd: str, environment: dict[str, str]) -> Place:
    """Ask as `_ask_place`; a working tree elsewhere, of which only the repository itself speaks, is none of its."""
    place = _ask_place(program, cwd, environment)
    if not os.path.lexists(os.path.join(place.top, ".git")):
        raise surroundings.tree_elsewhere(place)
    return place


def _ask_place(program: str, cwd: str, environment: dict[str, str]) -> Place:
    """Ask Git where the repository is; its own verdict on whom to trust holds."""
    questions = ("--is-bare-repository", "--is-inside-git-dir", "--git-dir", "--git-common-dir", "--show-toplevel")
    command = [program, *_FLAGS, "rev-parse", "--path-format=absolute"]
    try:
        done = subprocess.run(
            command + list(questions), cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True
        )
    except OSError as error:
        if error.errno in (EMFILE, ENFILE, ENOMEM, EAGAIN):  # too many open files, no memory, no more processes
            raise
        raise NotARepository(f"`{display(cwd)}` is not a folder that can be entered: {error.strerror}") from error
    lines = done.stdout.split(b"\n")[:-1]
    if done.returncode:
        raise surroundings.refusal(cwd, lines, done.stderr)
    if lines[:1] == [b"--path-format=absolute"]:
        raise GitFailed("this Git is too old: track needs 2.31 or later", hint="git --version")
    if len(lines) != len(questions):
        hint = "give the folder another name: Git tells where a repository is a line each"
        raise NotARepository(f"the name of this folder has a line break in it: {display(cwd)}", hint=hint)
    git_dir, common_dir, top = (os.fsdecode(line) for line in lines[2:])
    return Place(top, git_dir, common_dir)


def _is_branch(line: str) -> bool:
    """Return whether HEAD names a branch; a repository with reftables says `.invalid` there."""
    return line.startswith("ref: refs/heads/") and not line.endswith("/.invalid")


def _is_full_oid(text: str) -> bool:
    return len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text)
