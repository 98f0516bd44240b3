"""Whereis: which remotes hold every piece of an artifact, which hold a part, and when that was confirmed."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from track.errors import MissingObject, PurgedObject, TrackError
from track.flows import view
from track.flows.reach import Version, objects_below
from track.model.digest import Digest
from track.model.manifest import walk
from track.model.names import display
from track.model.pointer import Pointer
from track.project import Project
from track.store.known import Known, recorded
from track.store.purge_notes import told
from track.store.purged import purged_in
from track.store.record import Stale

State = Literal["all", "part", "none", "unknown"]


@dataclass(frozen=True, slots=True)
class Holding:
    """What one place has of an artifact, as far as is known; `remote` is None for the store of this clone.

    `state` is unknown where nobody asked the remote yet, or the manifest that says what there is is not here.
    `objects_count` and `size` (bytes of file contents) are of what it has; None when they cannot be known.
    `confirmed_s` is when the remote was last asked, in seconds since 1970; None: never, or by an older version.
    """

    remote: str | None
    url: str
    state: State
    objects_count: int | None
    size: int | None
    confirmed_s: float | None


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """One artifact with its pointer, or what `path` names inside it.

    `objects_count` and `size` (bytes) are of all of it; the former is None while its manifest is not here. Of what
    `is_purged`, some was removed for good, as far as is known here: nobody has all of it.
    """

    where: str
    path: bytes
    artifact: bytes
    pointer: Pointer
    kind: str
    digest: Digest
    objects_count: int | None
    size: int
    holdings: tuple[Holding, ...]
    is_purged: bool = False

    @property
    def is_safe(self) -> bool:
        """Whether some remote is known to hold every piece."""
        return any(one.remote is not None and one.state == "all" for one in self.holdings)


@dataclass(frozen=True, slots=True)
class Found:
    """Every artifact that was asked about, sorted by path; `refused` says which pointers cannot be read."""

    artifacts: tuple[Whereabouts, ...]
    refused: tuple[TrackError, ...] = ()


def whereis(project: Project, words: Sequence[str] = ()) -> Found:
    """Say which remotes hold what is at each `[REV:]PATH`, by default of every artifact in the working tree.

    No remote is asked: it is what push and fetch last confirmed. Values are whole in their pointers and left out.

    Raises:
        UnknownRevision, UnknownPath: nothing lies there.
        MalformedPointer, NewerFormat: the pointer of what was named cannot be read.
        MalformedManifest, DamagedObject: what says which pieces there are is not what it should be.
    """
    wanted: list[view.Located] = []
    refused: list[TrackError] = []
    for one in words or ("",):
        side, path = view.place(project, one, top_too=True)
        names = [artifact for artifact in side.contents if not path or artifact.startswith(path + b"/")]
        below, troubles = side.readable(names)
        refused += troubles
        if below or troubles or not path:
            wanted += [view.Located(side, artifact, pointer, b"") for artifact, pointer in below.items()]
        else:
            wanted.append(view.locate(side, path))
    found = [_whereabouts(project, located) for located in wanted if located.pointer.kind != "value"]
    return Found(tuple(sorted(found, key=lambda one: (one.path, one.where))), tuple(refused))


def _whereabouts(project: Project, located: view.Located) -> Whereabouts:
    pointer = located.pointer
    entry, sizes, gone = None, None, False
    try:
        entry = view.entry_at(project, located) if located.inner else None
        sizes = _pieces(project, located)
    except PurgedObject as error:
        project.warnings.append(f"part of what {display(located.path)} is made of is gone: {error.message}")
        gone = True
    except MissingObject:  # of the manifest, or of a part of it: nobody knows here what there is
        pass
    absent = set() if sizes is None else project.store.absent(sizes)
    here = _holding(sizes, set() if sizes is None else sizes.keys() - absent)
    if absent and (lost := sorted(absent & purged_in(project.store.rooms).keys())):
        purge = purged_in(project.store.rooms)[lost[0]]
        project.warnings.append(f"part of what {display(located.path)} is made of is gone: it {told(purge)}")
        gone = True
    holdings = [Holding(None, str(project.store_path), *here, None)]
    for name in project.config.names("remote.*.url"):
        holdings.append(_at_remote(project, name, located, sizes))
    return Whereabouts(
        where=located.side.name,
        path=located.path,
        artifact=located.artifact,
        pointer=pointer,
        kind="file" if entry is not None and entry.mode != "d" else pointer.kind,
        digest=Digest(entry.digest) if entry is not None and entry.mode != "d" else pointer.digest,
        objects_count=None if sizes is None else len(sizes),
        size=pointer.size if sizes is None else sum(sizes.values()),
        holdings=tuple(holdings),
        is_purged=gone,
    )


def _pieces(project: Project, located: view.Located) -> dict[bytes, int]:
    """Every object that is needed, with the bytes of contents that it is; 0 for what says how they belong together."""
    pointer, inner = located.pointer, located.inner
    version = Version(located.artifact, pointer, ())
    objects = objects_below(version, project.store.read_many, parts=(inner,) if inner else ())
    if pointer.kind == "file":
        return dict.fromkeys(objects, pointer.size)
    sizes = dict.fromkeys(objects, 0)
    for entry in walk(view.reader(project), pointer.digest, inner):
        if entry.mode != "d":
            sizes[bytes(entry.digest)] = entry.size
    return sizes


def _at_remote(project: Project, name: str, located: view.Located, sizes: Mapping[bytes, int] | None) -> Holding:
    url = str(project.config.setting(f"remote.{name}.url").value)
    with suppress(sqlite3.Error, Stale), recorded(project.state / "remotes" / f"{name}.db") as known:
        confirmed_s, held = known.confirmed_s, _known(known, located.pointer.digest, sizes)
        if confirmed_s is not None or held[0] in ("all", "part"):
            return Holding(name, url, *held, confirmed_s)
    return Holding(name, url, "unknown", None, None, None)


def _known(known: Known, root: Digest, sizes: Mapping[bytes, int] | None) -> tuple[State, int | None, int | None]:
    if sizes is not None:
        return _holding(sizes, known.present(sizes))
    return ("all" if known.complete([root]) else "unknown"), None, None


def _holding(sizes: Mapping[bytes, int] | None, held: Iterable[bytes]) -> tuple[State, int | None, int | None]:
    """(state, objects, bytes) of what a place has, where it has `held`."""
    if sizes is None:
        return "unknown", None, None
    found = set(held)
    state: State = "all" if len(found) == len(sizes) else "part" if found else "none"
    return state, len(found), sum(sizes[digest] for digest in found)
