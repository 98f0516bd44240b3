"""A walk: random commands of a person, of track and of Git in one project, and what has to hold after each of them."""

import os
import random
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from support.cli import track_here
from support.hooked import Hooked
from support.trees import Empty, Executable, Link, Node, read_tree, write_tree
from track.model.digest import digest_of
from track.model.manifest import walk
from track.model.pointer import parse_pointer
from track.project import Project
from track.verbs.status import ArtifactStatus, status
from track.worktree.parts import parts_of

DIRECTORIES, FILES = ("data", "more/set"), ("one.bin", "more/two.bin")
INSIDE = ("a", "b", "c.txt", "sub/d", "sub/e", "sub/deep/f", "other/g")
REVISIONS = ("HEAD", "HEAD~1", "HEAD~2", "main", "side")
_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class Walk:
    """One project in which something happens; `log` says what did, for whoever has to understand a failure."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.random, self.log = root, random.Random(seed), [f"seed {seed}"]
        self._hooked = Hooked(root)
        self._written, self._is_forced, self._is_by_hand = 0, False, False
        self._below: dict[bytes, tuple[bytes, ...]] = {}
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.track("init")
        inside = [f"{top}/{name}" for top in DIRECTORIES for name in INSIDE]
        write_tree(root, {path: self.content() for path in (*inside, *FILES)})
        assert self.track("add", *DIRECTORIES, *FILES) == 0
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=first")
        self.git("branch", "side")
        self._look()

    def step(self) -> None:
        """Let something happen, and check that nothing is lost and that nothing wrong is said."""
        happenings: dict[Callable[[], None], int] = {
            self.edit: 30, self.add: 16, self.rm: 8, self.mv: 8, self.checkout: 14, self.restore: 7, self.collect: 5,
            self.mark: 2, self.commit: 8, self.switch: 8, self.stash: 4, self.merge: 3, self.there_and_back: 10,
        }  # fmt: skip
        self._is_forced = self._is_by_hand = False
        self.random.choices(list(happenings), list(happenings.values()))[0]()
        self._check()

    def track(self, *words: str) -> int:
        """Run a command of track; its code, which is never that of a bug."""
        done = track_here(*words, cwd=self.root)
        self.log.append(f"track {' '.join(words)}  # {done.code}")
        assert done.code != 70 and "Traceback" not in done.err, done.err
        self._is_forced |= "--force" in words
        self.said = done.out + done.err
        return done.code

    def git(self, *words: str) -> int:
        """Run a command of Git with its hooks; its code."""
        self.log.append(f"git {' '.join(words)}")
        done = self._hooked.git(*words, check=False)
        assert "bug in track" not in done.text, done.text
        return done.code

    # What happens.

    def content(self) -> bytes:
        """Something new, of one length; at times the same as elsewhere, or nothing."""
        self._written += 1
        return self.random.choices((b"content %06d" % self._written, b"same", b""), (8, 1, 1))[0]

    def inside(self) -> str:
        return f"{self.random.choice(DIRECTORIES)}/{self.random.choice(INSIDE)}"

    def artifact(self) -> str:
        return self.random.choice((*self.pointers(), "data"))

    def path(self) -> str:
        part = self.inside()
        return self.random.choice((part, os.path.dirname(part), self.artifact(), self.artifact()))

    def pointers(self) -> list[str]:
        return sorted(os.fsdecode(path[:-6]) for path in read_tree(self.root) if path.endswith(b".track"))

    def force(self) -> list[str]:
        return ["--force"] * (self.random.random() < 0.3)

    def edit(self) -> None:
        path = self.root / self.random.choice((self.inside(), self.inside(), *FILES))
        changes: list[Callable[[], object]] = [
            lambda: path.write_bytes(self.content()),
            lambda: path.write_bytes(self.content()),
            lambda: write_tree(path.parent, {path.name: self.content()}),
            path.unlink,
            lambda: path.chmod(path.stat().st_mode ^ 0o111),
            lambda: path.symlink_to("a"),
            lambda: path.rename(self.root / self.inside()),
            lambda: shutil.rmtree(path.parent if path.parent != self.root else path),
        ]
        number = self.random.randrange(len(changes))
        self.log.append(f"# edit {number} at {path.relative_to(self.root)}")
        self._is_by_hand = True
        with suppress(OSError):
            changes[number]()

    def add(self) -> None:
        here = [path for path in (*DIRECTORIES, *FILES, *self.pointers()) if (self.root / path).exists()]
        self.track("add", *([self.random.choice(here)] if here and self.random.random() < 0.6 else []))

    def rm(self) -> None:
        self.track("rm", *self.force(), *["--cached"] * (self.random.random() < 0.2), self.path())

    def mv(self) -> None:
        self.track("mv", self.path(), self.random.choice((self.inside(), *DIRECTORIES, *FILES, "new")))

    def checkout(self) -> None:
        paths = ["--", self.path()] * (self.random.random() < 0.6)
        self.track("checkout", *self.force(), *[self.random.choice(REVISIONS)] * (self.random.random() < 0.6), *paths)

    def restore(self) -> None:
        which = str(self.random.randint(1, max(1, self._steps())))
        self.track("restore", *self.force(), self.random.choice(("last", which)))

    def collect(self) -> None:
        self.track("gc", "--grace", "0")

    def mark(self) -> None:
        self.track("label", self.artifact(), f"key={self._written}")

    def commit(self) -> None:
        self.git("add", "--update")
        self.git("add", "--", "*.gitignore", *(f"{path}.track" for path in self.pointers()))
        self.git("commit", "--quiet", "--message=more")

    def switch(self) -> None:
        branch = self.random.choice(("main", "side"))
        commands = [
            ("checkout", "--quiet", branch), ("checkout", "--quiet", "--force", branch), ("branch", "-f", "side"),
            ("reset", "--quiet", "--hard"), ("checkout", "--quiet", "HEAD~1", "--", f"{self.artifact()}.track"),
        ]  # fmt: skip
        self.git(*self.random.choice(commands))

    def stash(self) -> None:
        self.git("stash", *self.random.choice(([], ["pop"])))

    def merge(self) -> None:
        if self.git("merge", "--quiet", "--no-edit", self.random.choice(("main", "side"))):
            self.git("merge", "--abort")

    def there_and_back(self) -> None:
        """What a command did is taken back at once: every file is there again, whatever else is."""
        before, count = self._files(), self._steps()
        self.random.choice((self.add, self.rm, self.mv, self.checkout))()
        if self._steps() > count:
            assert self.track("restore", str(self._steps())) == 0, self.said
            now = self._files()
            gone = {path for path, node in before.items() if now.get(path) != node}
            assert not gone, f"taking back did not bring back {sorted(gone)}"

    # What has to hold.

    def _files(self) -> dict[bytes, Node]:
        tree = read_tree(self.root, leave_out=(b".git", b".store", b".track", b".gitattributes"))
        ours = (b".track", b".gitignore")
        return {path: node for path, node in tree.items() if not path.endswith(ours) and node != Empty()}

    def _steps(self) -> int:
        return max((int(path.stem) for path in self._trash.glob("*.json")), default=0)

    @property
    def _trash(self) -> Path:
        return self.root / ".git/track/trash"

    def _check(self) -> None:
        before, unsaved = self._before, self._unsaved
        self._look()
        if not self._is_by_hand:
            gone = before - self._contents
            with Project.open(self.root) as project:
                lost = project.store.absent(gone) - self._given_up()
            assert not lost, f"{len(lost)} contents are nowhere any more"
            assert self._is_forced or not gone & unsaved, "what was saved nowhere went without --force"

    def _look(self) -> None:
        """Note what is here; everything that anything names can be had, and status says how things are."""
        files = self._files()
        self._contents = self._before = {digest_of(_bytes(node)) for node in files.values()}
        with Project.open(self.root) as project:
            self._unsaved = project.store.absent(self._contents)
            lacking = project.store.absent(self._named(project)) - self._given_up()
            assert not lacking, f"named, and not to be had: {[digest.hex()[:8] for digest in lacking]}"
            for artifact in status(project).artifacts:
                is_there = (self.root / os.fsdecode(artifact.pointer)).is_file() and artifact.digest is not None
                if is_there and "U" not in artifact.staged + artifact.unstaged and not artifact.trouble:
                    is_same = self._is_same(project, artifact, files)
                    assert (artifact.data == ".") == is_same, f"{artifact.path!r} is not {artifact.data!r}"

    def _given_up(self) -> set[bytes]:
        return {bytes.fromhex(path.name) for path in self._trash.glob("*/*")}

    def _named(self, project: Project) -> set[bytes]:
        """Every digest in a commit, a reflog, the index, a pointer on disk or a step, and all below them."""
        listed = project.git.run("rev-list", "--all", "--reflog", "--indexed-objects", "--objects")
        blobs = [line.split()[0] for line in listed.splitlines() if line.endswith(b".track")]
        texts = [project.git.run("cat-file", "--batch", input=b"".join(blob + b"\n" for blob in blobs))]
        texts += [
            path.read_bytes() for path in (*self.root.rglob("*.track"), *self._trash.glob("*.json")) if path.is_file()
        ]
        named = {bytes.fromhex(found.decode()) for text in texts for found in _DIGEST.findall(text)}
        for digest in list(named - self._given_up()):
            if digest not in self._below and not project.store.absent([digest]):
                is_manifest = project.store.read(digest).startswith(b"track-manifest ")
                entries = walk(project.store.read, digest) if is_manifest else ()
                self._below[digest] = tuple(entry.digest for entry in entries if entry.mode != "d")
            named.update(self._below.get(digest, ()))
        return named

    def _is_same(self, project: Project, artifact: ArtifactStatus, files: dict[bytes, Node]) -> bool:
        assert artifact.digest is not None
        if artifact.kind == "file":
            pointer = parse_pointer((self.root / os.fsdecode(artifact.pointer)).read_bytes(), "a pointer")
            return _shown(files.get(artifact.path)) == ("x" if pointer.executable else "f", artifact.digest)
        inner = artifact.path + b"/"
        here = {path[len(inner) :]: _shown(node) for path, node in files.items() if path.startswith(inner)}
        entries = {entry.path: (entry.mode, entry.digest) for entry in walk(project.store.read, artifact.digest)}
        parts = parts_of(project.worktree_state, artifact.path)
        return here == {
            path: entry
            for path, entry in entries.items()
            if entry[0] != "d" and (parts is None or path in here or _is_in(path, parts))
        } and (parts is not None or (self.root / os.fsdecode(artifact.path)).is_dir())


def _is_in(path: bytes, parts: tuple[bytes, ...]) -> bool:
    return any(path == part or path.startswith(part + b"/") for part in parts)


def _bytes(node: Node) -> bytes:
    if isinstance(node, Link):
        return node.target
    return node.content if isinstance(node, Executable) else bytes(node)  # type: ignore[arg-type]


def _shown(node: Node | None) -> tuple[str, bytes] | None:
    if node is None:
        return None
    mode = "l" if isinstance(node, Link) else "x" if isinstance(node, Executable) else "f"
    return mode, digest_of(_bytes(node))
