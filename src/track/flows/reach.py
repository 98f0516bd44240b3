"""Reach: revisions -> the versions of artifacts that they name -> every object below those.

Manifests are read a level at a time, so that many nodes are one question; against a version that the other side has,
only what differs is read.
"""

import os
from binascii import unhexlify
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import (
    MalformedManifest,
    MalformedPointer,
    NewerFormat,
    NotAPointer,
    TrackError,
    UnknownPath,
)
from track.flows.pointers import overwritten
from track.flows.sides import naming_nearest
from track.flows.whereabouts import believed
from track.history import log
from track.history.left_out import contents_left_out, is_sparse
from track.model.expressions import expression
from track.model.manifest import Inner, parse_node, walk
from track.model.names import data_path, display, is_named_pointer, pointer_path, typed
from track.model.nearest import nearest
from track.model.pointer import Pointer, parse_pointer
from track.project import Project

INDEX = "index"
"""The name of what is staged, beside the names of refs."""

ReadMany = Callable[[Sequence[bytes]], Iterable[tuple[bytes, bytes]]]
"""Gives (digest, bytes) of all these nodes in any order, each verified; `Store.read_many` is one."""

Takes = Callable[[bytes], bool]
"""Whether the file at a path inside an artifact is meant."""

_DIGESTS = expression(rb"(?m)^[fxl] [0-9]{1,19} ([0-9a-f]{64}) [^\n]+\n")
_EMPTY_FOLDERS = expression(rb"(?m)^d 0 ")
_LEAF_HEADER = b"track-manifest 1 0\n"


class Version(NamedTuple):
    """A version that revisions name. `path` is the data's, or the pointer's own for a named artifact; sorted `refs`.

    `parts` are what is wanted of a directory where nobody names paths; empty means all of it.
    """

    path: bytes
    pointer: Pointer
    refs: tuple[str, ...]
    parts: tuple[bytes, ...] = ()


class Reached(NamedTuple):
    """The versions that were reached, sorted by path; and why other pointers cannot be read, an error each."""

    versions: tuple[Version, ...]
    refused: tuple[TrackError, ...]


class Refused(NamedTuple):
    """An artifact that is left as it is, because its pointer or its manifest cannot be believed, and why."""

    path: bytes
    error: TrackError


UNBELIEVABLE = (MalformedManifest, MalformedPointer, NewerFormat)
"""What is wrong with one artifact alone, and stops none of the others."""


def refusal(version: Version, paths: Sequence[bytes], error: TrackError) -> Refused:
    """Why a version is left as it is, naming it.

    Raises:
        MalformedManifest, MalformedPointer, NewerFormat: it is what one of `paths` names, or is in.
    """
    if not isinstance(error, MalformedPointer):  # which names its file
        shown = display(version.path)
        hint = error.hint or f"nothing was changed; an earlier version may be fine: track log {typed(version.path)}"
        error = type(error)(f"the manifest of {shown} is refused: {error.message}", hint=hint, details=error.details)
    if any(one in (version.path, pointer_path(version.path)) or one.startswith(version.path + b"/") for one in paths):
        raise error
    return Refused(version.path, error)


def errors_of(*groups: Sequence[Refused]) -> tuple[TrackError, ...]:
    """What to say of those that were refused, each once, however often it was."""
    return tuple({one.path: one.error for group in groups for one in group}.values())


def known_at_remotes(project: Project, digests: Iterable[bytes]) -> set[bytes]:
    """Those of the artifact digests that a remote is known to have whole; no remote is asked, nothing is written."""
    return believed(project, digests)


def default_refs(project: Project) -> tuple[str, ...]:
    """HEAD (as the branch it is on) and what is staged. Raises UnknownRevision: nothing is committed on it yet."""
    project.git.resolve("HEAD")
    branch = project.git.branch()
    return (f"refs/heads/{branch}" if branch else "HEAD", INDEX)


def every_ref(project: Project) -> tuple[str, ...]:
    """Every branch and tag, and what is staged; tags of a file or a tree, which have no versions, are left out."""
    names = project.git.run("for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags").splitlines()
    asked = b"".join(name + b"^{}\n" for name in names)
    kinds = project.git.run("cat-file", "--batch-check=%(objecttype)", input=asked).splitlines()
    others = {name for name, kind in zip(names, kinds, strict=True) if kind in (b"blob", b"tree")}
    is_born = project.git.run("rev-parse", "--verify", "--quiet", "HEAD", check=False)
    here = default_refs(project) if is_born else (INDEX,)
    return (*(name.decode("utf-8", "surrogateescape") for name in names if name not in others), *here)


def full_name(project: Project, rev: str) -> str:
    """The full name of a ref that a revision is, else the id of its commit.

    Raises:
        UnknownRevision: it names no commit.
    """
    with naming_nearest(project):
        commit = project.git.resolve(rev)
    name = project.git.run("rev-parse", "--symbolic-full-name", rev, check=False).decode("utf-8", "replace").strip()
    return name if name.startswith("refs/") else commit


def versions(project: Project, refs: Iterable[str], paths: Sequence[bytes] = ()) -> Reached:
    """The versions that pointers at these refs name; of everything, or of what lies at `paths`.

    A pointer that cannot be read is refused, and does not stand in the way of the others.

    Raises:
        UnknownRevision: one of the refs is none.
        UnknownPath: nothing lies at one of the paths.
        MalformedPointer, NewerFormat: one of the paths is an artifact, or in one, whose pointer cannot be read.
    """
    found: dict[tuple[bytes, bytes], tuple[Pointer, set[str]]] = {}
    reading = _Reading(paths)
    for ref in dict.fromkeys(refs):
        pointers = log.pointers_staged(project.git) if ref == INDEX else log.pointers_at(project.git, ref)
        for path, pointer in reading.parsed(pointers, ref):
            found.setdefault((path, pointer.digest), (pointer, set()))[1].add(ref)
    reading.refuse_unknown()
    reached = tuple(Version(path, pointer, tuple(sorted(at))) for (path, _), (pointer, at) in sorted(found.items()))
    return Reached(reached, tuple(reading.refused.values()))


def versions_here(project: Project, paths: Sequence[bytes] = ()) -> Reached:
    """The versions that the pointers in the working tree name. Raises and refuses as `versions` does.

    A path at which none is names those that a sparse checkout leaves out; Unreadable where a partial clone lacks one.
    """
    reading = _Reading(paths)
    pointers = log.pointers_in_worktree(project.git)
    found = [Version(path, pointer, ()) for path, pointer in reading.parsed(pointers)]
    if reading.unseen and is_sparse(project.git):
        asked = frozenset(filter(reading.is_unseen, project.git.staged_pointers()))
        pointers = sorted(contents_left_out(project.git, asked).items())
        found = [*found, *(Version(path, pointer, ()) for path, pointer in reading.parsed(pointers))]
        found.sort(key=lambda one: one.path)
    for name, error in overwritten(project, reading.foreign).items():
        reading.refuse(name, error)
    reading.refuse_unknown()
    return Reached(tuple(found), tuple(reading.refused.values()))


class _Reading:
    """Pointers that are read for some paths: which of the paths were seen, and which pointers were refused."""

    def __init__(self, paths: Sequence[bytes]) -> None:
        self._paths = paths
        self._seen: set[bytes] = set()
        self._known: set[bytes] = set()
        self.refused: dict[tuple[bytes, str], TrackError] = {}
        self.foreign: list[bytes] = []

    def parsed(
        self, pointers: Iterable[tuple[bytes, bytes]], ref: str | None = None
    ) -> Iterator[tuple[bytes, Pointer]]:
        """The pointers that were asked for, by artifact; `ref` is where they are, None for the working tree."""
        for name, content in pointers:
            path = name if is_named_pointer(name) else data_path(name)
            asked = {one for one in self._paths if _covers(one, path, name)}
            if self._paths and not asked:
                self._known.add(path)
                continue
            self._seen |= asked
            try:
                yield path, parse_pointer(content, name)
            except NotAPointer:
                self.foreign.append(name)
            except (MalformedPointer, NewerFormat) as error:
                _say_where(error, name, ref)
                self.refuse(name, error)

    def refuse(self, name: bytes, error: TrackError) -> None:
        """Remember why a pointer is not read; raise it where somebody asked for that artifact, or a part of it."""
        path = name if is_named_pointer(name) else data_path(name)
        if any(one in (path, name) or one.startswith(path + b"/") for one in self._paths):
            raise error
        self.refused.setdefault((name, error.message), error)

    @property
    def unseen(self) -> list[bytes]:
        """The paths at which no pointer was seen."""
        return [path for path in self._paths if path not in self._seen]

    def is_unseen(self, name: bytes) -> bool:
        """Whether a pointer lies at one of them."""
        path = name if is_named_pointer(name) else data_path(name)
        return any(_covers(one, path, name) for one in self.unseen)

    def refuse_unknown(self) -> None:
        """Refuse a path at which no pointer was seen, with the nearest name."""
        for path in self.unseen:
            near = nearest(os.fsdecode(path), map(os.fsdecode, self._known))
            raise UnknownPath(f"nothing that track knows lies at `{display(path)}`", hint=near or "track ls")


def _say_where(error: TrackError, name: bytes, ref: str | None) -> None:
    """What is in a commit is not mended by bringing back what is committed."""
    if ref is None:
        return
    if ref == INDEX:
        error.message += " (in Git's index)"
        return
    shown = display(ref.removeprefix("refs/heads/").removeprefix("refs/tags/"))
    error.message += f" (at {shown})"
    if not isinstance(error, NewerFormat):
        error.hint = f"mend it in a new commit; what it was before: git log -p {shown} -- {typed(name)}"


def _covers(asked: bytes, path: bytes, pointer: bytes) -> bool:
    """Whether an artifact was asked for: itself, its pointer, a folder above it, or a path inside it."""
    return not asked or asked in (path, pointer) or path.startswith(asked + b"/") or asked.startswith(path + b"/")


def inside(version: Version, paths: Sequence[bytes]) -> tuple[bytes, ...]:
    """The parts of a directory artifact that were asked for, relative to it; empty means all of it."""
    if not paths:
        return version.parts
    if any(_covers(path, version.path, b"") and not path.startswith(version.path + b"/") for path in paths):
        return ()
    start = len(version.path) + 1
    return tuple(sorted({path[start:] for path in paths if path.startswith(version.path + b"/")}))


def objects_below(
    version: Version,
    read_many: ReadMany,
    *,
    beside: bytes | None = None,
    parts: Sequence[bytes] = (),
    takes: Takes | None = None,
) -> set[bytes]:
    """Every object that a version needs, manifest nodes among them; of a directory with `parts`, what those need.

    `takes` says of the path of a file, relative to the artifact, or of a file artifact's name, whether it is meant.

    `beside` is the root of an older manifest of the same artifact: what that one needs is left out, as far as it is
    seen without reading more than what differs.

    Raises:
        MalformedManifest: a node breaks the rules of its format.
        MissingObject, DamagedObject: as `read_many` does.
    """
    if version.pointer.kind == "value":
        return set()
    root = bytes(version.pointer.digest)
    if version.pointer.kind == "file":
        return {root} if takes is None or takes(version.path.rpartition(b"/")[2]) else set()
    return _Descent(read_many, parts, takes).run(root, beside)


class _Descent:
    """A way down two manifests at once, a level at a time, that does not enter what both have."""

    def __init__(self, read_many: ReadMany, parts: Sequence[bytes], takes: Takes | None) -> None:
        self._read_many, self._parts, self._takes = read_many, parts, takes

    def run(self, root: bytes, beside: bytes | None) -> set[bytes]:
        if root == beside:
            return set()
        new, old = {root}, {beside} if beside is not None else set[bytes]()
        found, had = {root}, set(old)
        below = self._children(new, self._parts)
        below_old = self._children(old, self._parts)
        while below.nodes or below.files:
            if below_old.level > below.level:
                had |= below_old.all
                below_old = self._children(below_old.nodes, self._parts)
                continue
            fresh = below.all - below_old.all if below_old.level == below.level else below.all
            found |= fresh
            had |= below_old.all
            next_nodes = below.nodes & fresh
            if not next_nodes:
                break
            if below_old.level == below.level:
                below_old = self._children(below_old.nodes - below.nodes, self._parts)
            below = self._children(next_nodes, self._parts)
        return found - had

    def _children(self, nodes: set[bytes], parts: Sequence[bytes]) -> "_Below":
        """What the lines of these nodes name: nodes, or the contents of files."""
        inner: set[bytes] = set()
        files: set[bytes] = set()
        level = -1
        if nodes:
            for _, data in self._read_many(sorted(nodes)):
                if data.startswith(_LEAF_HEADER):
                    files.update(_contents(data, parts, self._takes))
                    level = max(level, 0)
                    continue
                node = parse_node(data)
                assert isinstance(node, Inner)
                level = max(level, node.level)
                inner.update(_within(node, parts))
        return _Below(inner, files, level)


class _Below(NamedTuple):
    """What is named by nodes of one level (-1: there are none)."""

    nodes: set[bytes]
    files: set[bytes]
    level: int

    @property
    def all(self) -> set[bytes]:
        return self.nodes | self.files


def _contents(leaf: bytes, parts: Sequence[bytes], takes: Takes | None = None) -> Iterable[bytes]:
    """The digests that a leaf names. The lines are not turned into values: there may be a hundred thousand."""
    if not parts and takes is None:
        found = _DIGESTS.findall(leaf, len(_LEAF_HEADER))
        if len(found) + len(_EMPTY_FOLDERS.findall(leaf)) == leaf.count(b"\n") - 1 and leaf.endswith(b"\n"):
            joined = unhexlify(b"".join(found))
            return [joined[at : at + 32] for at in range(0, len(joined), 32)]
    node = parse_node(leaf)
    if isinstance(node, Inner):
        raise MalformedManifest("a leaf of a manifest says it is none")
    return [
        entry.digest
        for entry in node.entries
        if entry.mode != "d"
        and (not parts or any(entry.path == part or entry.path.startswith(part + b"/") for part in parts))
        and (takes is None or takes(entry.path))
    ]


def children_of(node: bytes) -> tuple[list[bytes], list[bytes]]:
    """The digests of the nodes, and of the contents, that a manifest node names.

    Raises:
        MalformedManifest: it breaks the rules of its format.
    """
    if node.startswith(_LEAF_HEADER):
        return [], list(_contents(node, ()))
    inner = parse_node(node)
    assert isinstance(inner, Inner)
    return [child.digest for child in inner.children], []


def _within(node: Inner, parts: Sequence[bytes]) -> Iterator[bytes]:
    """The children that may have some of `parts`: each has what comes after the one before, up to its last path."""
    before = b""
    for child in node.children:
        if not parts or any(child.path >= part and before < part + b"0" for part in parts):
            yield child.digest
        before = child.path


def name_losses(
    found: Iterable[Version], lost: set[bytes], read: Callable[[bytes], bytes], most: int = 5
) -> tuple[str, ...]:
    """Say which files need these objects, a line each, at most so many; for an error's details."""
    lines: list[str] = []
    for version in found:
        root = bytes(version.pointer.digest)
        if root in lost:
            lines.append(f"{display(version.path)}  (object {root.hex()[:8]})")
        elif version.pointer.kind == "directory":
            with suppress(TrackError):  # a manifest that cannot be read is itself among the lost
                lines.extend(
                    f"{display(version.path)}/{display(entry.path)}  (object {entry.digest.hex()[:8]})"
                    for entry in walk(read, root)
                    if entry.digest in lost
                )
        if len(lines) > most:
            return (*lines[:most], "and more")
    return tuple(lines) or tuple(f"object {digest.hex()[:8]}" for digest in sorted(lost)[:most])
