"""Same bytes: every name that a version has, here and in what other clones said at remotes."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from track.errors import MalformedPointer, NewerFormat, TrackError, UnknownRevision
from track.flows.named import label
from track.flows.reach import INDEX, every_ref, versions, versions_here
from track.flows.sides import parsed
from track.history import log
from track.model.digest import Digest
from track.model.names import display, is_named_pointer, parse_alias_pointer, parse_artifact_pointer
from track.project import Project
from track.store.holders import Holders


class SameBytes(NamedTuple):
    """A name of a version, and what names it so: refs, the working tree, the index, or a commit of the past.

    `name` is a path, or `NAME`, `NAME[key=value]` or `NAME@alias` of a named artifact. Of what another clone said at a
    remote only the refs are known, and no name: `clone` is its id, `remote` where it said so.
    """

    name: str
    where: tuple[str, ...]
    remote: str = ""
    clone: str = ""


def named_here(project: Project, digest: Digest) -> tuple[SameBytes, ...]:
    """Every name of a version in the working tree, at the refs, and in the past of all refs, sorted.

    A pointer that cannot be read names nothing here.
    """
    found: dict[str, dict[str, None]] = {}
    groups = [versions_here(project).versions]
    with suppress(UnknownRevision):  # nothing is committed yet
        groups.append(versions(project, every_ref(project)).versions)
    for version in (one for group in groups for one in group if one.pointer.digest == digest):
        where = [_shown(ref) for ref in version.refs] or ["the working tree"]
        found.setdefault(name_of(version.path), {}).update(dict.fromkeys(where))
    for name, commit in _in_the_past(project, digest):
        if name not in found:
            found[name] = {f"commit {commit}, in the past": None}
    return tuple(SameBytes(name, tuple(where)) for name, where in sorted(found.items()))


def _shown(ref: str) -> str:
    return "the index" if ref == INDEX else ref


def _in_the_past(project: Project, digest: Digest) -> Iterable[tuple[str, str]]:
    """(name, commit) of every pointer in the history of any ref that names a version, the newest first."""
    events = [one for one in log.history(project.git, None, every_side=True) if one.blob is not None]
    contents = dict(project.git.blobs(sorted({one.blob for one in events if one.blob is not None})))
    text = digest.hex().encode()
    for one in events:
        content = contents.get(one.blob or "", b"")
        if text in content:
            try:
                pointer = parsed(content, one.path)
            except (MalformedPointer, NewerFormat):
                continue
            if pointer is not None and pointer.digest == digest:
                path = one.path if is_named_pointer(one.path) else one.path.removesuffix(b".track")
                yield name_of(path), one.commit.oid[:10]


def name_of(path: bytes) -> str:
    """What people call an artifact: its path, or the name that a pointer below `.track/artifacts` is of."""
    if not is_named_pointer(path):
        return display(path)
    try:
        if (alias := parse_alias_pointer(path)) is not None:
            return f"{display(alias[0])}@{display(alias[1])}"
        named = parse_artifact_pointer(path)
    except TrackError:
        return display(path)
    return label(named.name, dict(named.partitions))


def named_there(remote: str, holders: Holders, digest: Digest, own: str) -> tuple[SameBytes, ...]:
    """What other clones than `own` said at a remote of a version, by clone: their refs that name it."""
    found: dict[str, dict[str, None]] = {}
    for one in (*holders.entries, *holders.claims):
        refs: Mapping[str, tuple[Digest, ...]] = one.entry.refs
        named = {_shown(ref): None for ref, digests in sorted(refs.items()) if digest in digests}
        if one.writer != own and named:
            found.setdefault(one.writer, {}).update(named)
    return tuple(SameBytes("", tuple(refs), remote, clone) for clone, refs in sorted(found.items()))
