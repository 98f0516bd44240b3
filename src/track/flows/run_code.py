"""The code state of a run: the tree of the working directory, kept as an artifact so that it is there for good."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import GitFailed, TrackError
from track.flows.run_policy import refuse_code
from track.history.code_tree import LARGEST, CodeTree, code_tree, tree_at, untracked
from track.model import manifest
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.record import Revision
from track.model.secrets import holds_secret, is_secret_file, redacted_bytes
from track.project import Project
from track.publish import publish_bytes
from track.store.writer import Writer

ROOM = "code"
"""The folder, in the state of the working tree, for what is needed while a tree is computed."""


_TREES = "code-trees"
"""The file, in the state of the clone, that says which commit has which code tree; derived, and may be deleted."""


class Chosen(NamedTuple):
    """Untracked files that are code, and those that are left out because they are large or look secret."""

    taken: list[bytes]
    omitted: list[bytes]


class LastCode:
    """The code of the run that a program began last: of one that begins with the same code nothing is read again."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        """None began yet."""
        self._known: tuple[tuple[object, ...], Revision] | None = None

    def same(self, project: Project, facts: tuple[object, ...]) -> Revision | None:
        """What was kept of these facts, where it is what was kept last and is still in the store."""
        if self._known is None or self._known[0] != facts:
            return None
        revision = self._known[1]
        kept = [digest for digest in (revision.code, revision.patch) if digest is not None]
        return None if project.store.absent(kept) else revision

    def keep(self, facts: tuple[object, ...], revision: Revision) -> Revision:
        """Keep the one that was made of these facts, and give it."""
        self._known = facts, revision
        return revision


def revision_of(
    project: Project,
    writer: Writer,
    secrets: Sequence[str],
    *,
    require: str = "nothing",
    last: LastCode | None = None,
) -> Revision:
    """The code as it is now, its files and what differs from the commit added to the store's writer.

    Where the tree, the commit, what is left out and the secrets are those of `last`, it is that.

    No file with content that no commit has is taken when it looks secret or one of the `secrets` stands in it, and the
    patch is written without both.

    Raises:
        TrackError: the code is not as `require`, one of `run_policy.LEVELS`, asks.
        GitFailed: Git cannot read the working directory.
        DiskFull, StoreUnwritable: the store cannot take it.
    """
    chosen = choose(project, secrets)
    with code_tree(project.git, project.worktree_state / ROOM, chosen.taken) as found:
        refuse_code(project, found, chosen.omitted, require)
        last, head = last or LastCode(), project.git.head()
        facts = (project.root, head, found.tree, found.base, *chosen.omitted, *secrets)
        if (same := last.same(project, facts)) is not None:
            return same
        code, secret = _keep(found, writer, secrets)
        patch = None
        if found.is_dirty and (changes := redacted_bytes(found.patch(secret), secrets)):
            patch = writer.add_content(changes)
        omitted = tuple(sorted({*chosen.omitted, *secret}))
        return last.keep(facts, Revision(head, found.tree, found.is_dirty, code, patch, omitted))


def choose(project: Project, secrets: Sequence[str]) -> Chosen:
    """Which untracked files are code."""
    taken: list[bytes] = []
    omitted: list[bytes] = []
    for file in untracked(project.git):
        is_code = file.size <= LARGEST and not is_secret_file(file.path) and not _holds(project, file.path, secrets)
        (taken if is_code else omitted).append(file.path)
    return Chosen(taken, omitted)


def _holds(project: Project, path: bytes, secrets: Sequence[str]) -> bool:
    place = os.path.join(os.fsencode(project.root), path)
    try:
        if not secrets or os.path.islink(place):
            return False
        with open(place, "rb") as file:
            return holds_secret(file.read(LARGEST + 1), secrets)
    except OSError:
        return True  # what cannot be read is not taken


def _keep(found: CodeTree, writer: Writer, secrets: Sequence[str]) -> tuple[Digest, list[bytes]]:
    """Store every file of the tree and the manifest that names them; and the files left out, as they are secret."""
    entries: list[Entry] = []
    secret: list[bytes] = []
    committed = found.committed()
    for file, content in found.contents(found.files()):
        before = committed.get(file.path)
        if before != file.blob and (is_secret_file(file.path) or _is_new_in(found, content, before, secrets)):
            secret.append(file.path)
            continue
        entries.append(Entry(file.path, file.mode, len(content), writer.add_content(content)))
    return Digest(manifest.build(entries, writer.add_known).digest), secret


def _is_new_in(found: CodeTree, content: bytes, before: str | None, secrets: Sequence[str]) -> bool:
    """Whether one of the secrets stands in a file and not in what was committed of it: that is in Git for good."""
    held = [value for value in secrets if holds_secret(content, [value])]
    if not held or before is None:
        return bool(held)
    old = found.content(before)
    return not all(holds_secret(old, [value]) for value in held)


def matching_commits(project: Project, tree: str, *, most: int = 200, budget_s: float = 0.4) -> tuple[str, ...]:
    """Commits that HEAD reaches with exactly this code tree, newest first; of the last `most`, and as far as the trees
    are known or found within `budget_s`. What was found is kept, so that the next question gets further.
    """
    listed = project.git.run("log", f"-{most}", "--format=%H", check=False).decode("ascii").split()
    known = _known_trees(project)
    deadline = time.monotonic() + budget_s
    fresh: dict[str, str] = {}
    for commit in listed:
        if commit not in known and time.monotonic() < deadline:
            with suppress(GitFailed):
                fresh[commit] = tree_at(project.git, commit)
    if fresh:
        lines = "".join(f"{commit} {found}\n" for commit, found in (known | fresh).items())
        with suppress(TrackError, OSError):  # a place that may only be read
            publish_bytes(project.state / _TREES, lines.encode("ascii"), durable=False)
    trees = known | fresh
    return tuple(commit for commit in listed if trees.get(commit) == tree)


def _known_trees(project: Project) -> dict[str, str]:
    try:
        lines = (project.state / _TREES).read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.partition(" ") for line in lines)
    return {commit: tree for commit, _, tree in pairs}
