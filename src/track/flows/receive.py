"""Receive: the bytes that versions need and the local store lacks come from remotes, manifests first."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject, NewerFormat, PurgedObject, RemoteError, TrackError, naming_too
from track.flows import dropped
from track.flows.choice import Choice
from track.flows.passed import Passed
from track.flows.purges import learn
from track.flows.reach import UNBELIEVABLE, Refused, Version, inside, name_losses, objects_below, refusal
from track.flows.remotes import Named, connected
from track.flows.routes import sources
from track.model.names import display
from track.progress import Progress, silent
from track.project import Project
from track.store.nodes_there import read_there
from track.store.purge_notes import GONE, told
from track.store.purged import purged_in
from track.store.remote import Remote
from track.store.tombstones import Purge


class Received(NamedTuple):
    """What came, and from where: (remote, URL) in the order they were asked. Sizes in bytes, as they travelled.

    `refused` are versions whose manifest cannot be believed: nothing more of them was asked for. `passed` are remotes
    that could not be used, or of which something was damaged; what they should have given came from another one.

    Of a dry run it is what would come: `fetched_bytes` is the size of the objects, for nobody knows yet how they
    travel; `remotes` are those that something would come from; and `foreseen` says it for each version.
    """

    objects_count: int
    fetched_bytes: int
    remotes: tuple[Named, ...]
    refused: tuple[Refused, ...] = ()
    passed: tuple[Passed, ...] = ()
    foreseen: tuple["Foreseen", ...] = ()


class Foreseen(NamedTuple):
    """What would come for a version: `files_count` is None where only a part of it is meant; `size` in bytes."""

    path: bytes
    files_count: int | None
    objects_count: int
    size: int


class _Unavailable(Exception):
    """Manifest nodes that could not be had."""


class _Receiving:
    """One fetch from one remote: counts what came, and keeps what did not."""

    def __init__(self, project: Project, remote: Remote, progress: Progress) -> None:
        self._project, self._remote, self._progress = project, remote, progress
        self.count = self.size = 0
        self.missing: set[bytes] = set()
        self.damaged: set[bytes] = set()

    def bring(self, digests: set[bytes]) -> set[bytes]:
        """Fetch what the store lacks of these; those that could not be had."""
        if not (absent := self._project.store.absent(digests)):
            return set()
        fetched = self._remote.fetch(self._project.store, absent, progress=self._progress)
        self.count += fetched.objects_count
        self.size += fetched.fetched_bytes
        self.missing |= fetched.missing
        self.damaged |= fetched.damaged
        return set(fetched.missing | fetched.damaged)

    def read_many(self, nodes: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Manifest nodes, fetched when they are not here; one that turns out to be damaged here is fetched again."""
        if self.bring(set(nodes)):
            raise _Unavailable
        try:
            found = list(self._project.store.read_many(nodes))
        except DamagedObject:
            if self.bring(set(nodes)):
                raise _Unavailable from None
            found = list(self._project.store.read_many(nodes))
        yield from found


class _Foreseeing(_Receiving):
    """One fetch from one remote that is only thought of: what would come is counted, and none of it is kept."""

    def __init__(self, project: Project, remote: Remote, lengths: dict[bytes, int], nodes: dict[bytes, bytes]) -> None:
        """`lengths` are of the objects that would be here by now, `nodes` those of them that were looked into."""
        super().__init__(project, remote, silent)
        self._lengths, self._nodes = lengths, nodes

    def bring(self, digests: set[bytes]) -> set[bytes]:
        """Count what would be fetched of these; those that could not be had."""
        absent = self._project.store.absent(digests) - self._lengths.keys()
        found = {one: held[0].length for one, held in self._remote.known.locate(absent).items()}
        self._lengths |= found
        self.count += len(found)
        self.size += sum(found.values())
        self.missing |= absent - found.keys()
        return absent - found.keys()

    def read_many(self, nodes: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Manifest nodes, read at the remote when they are not here."""
        if self.bring(set(nodes)):
            raise _Unavailable
        elsewhere = self._lengths.keys() & set(nodes)
        try:
            for digest, node in read_there(self._remote.place, self._remote.known, elsewhere - self._nodes.keys()):
                if node is None:
                    raise _Unavailable
                self._nodes[digest] = node
            here = list(self._project.store.read_many([one for one in nodes if one not in elsewhere]))
        except (MissingObject, DamagedObject):
            raise _Unavailable from None
        yield from here
        yield from ((one, self._nodes[one]) for one in elsewhere)


def receive(
    project: Project,
    versions: Sequence[Version],
    *,
    remote: str | None = None,
    paths: Sequence[bytes] = (),
    choice: Choice | None = None,
    manifests: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Received:
    """Fetch what these versions need, or of a directory the parts of it that `paths` name, and of that `choice` takes.

    With `manifests`, of directories only the manifests, and of files nothing. With `dry_run` the remotes are asked what
    they have, and nothing is fetched or written.

    The remote asked for alone, else each that has a part of it, the best one first. One that does not answer, that may
    not be used, or of which a copy is damaged, is passed over for the next. All that can come comes, and stays when
    this is interrupted.

    Raises:
        MissingObject, DamagedObject: objects that no remote has whole; the files that need them are named.
        MalformedManifest, NewerFormat: the manifest of what `paths` name cannot be read.
        NoRemote, RemoteError: there is no remote; or the best one may not be used or does not answer, and no other one
            has all that is needed.
        DiskFull, StoreUnwritable: the local store cannot take it.
    """
    return _Receipt(project, _Asked(paths, choice, manifests), progress, dry_run=dry_run).run(
        versions, sources(project, versions, remote)
    )


class _Asked(NamedTuple):
    """What is meant of the versions."""

    paths: Sequence[bytes]
    choice: Choice | None
    manifests: bool


class _Receipt:
    """What came so far, of which remotes, and what is wrong with the others."""

    def __init__(self, project: Project, meant: _Asked, progress: Progress, *, dry_run: bool) -> None:
        self._dry_run = dry_run
        self._lengths: dict[bytes, int] = {}
        self._nodes: dict[bytes, bytes] = {}
        self._below: dict[tuple[bytes, bytes], tuple[Version, set[bytes]]] = {}
        self._project, self._meant, self._progress = project, meant, progress
        self._asked: list[Named] = []
        self._failed: list[tuple[Named, TrackError]] = []
        self._passed: list[Passed] = []
        self._refused: list[Refused] = []
        self._count = self._size = 0
        self._missing: set[bytes] = set()
        self._damaged: set[bytes] = set()

    def run(self, versions: Sequence[Version], routes: Sequence[Named]) -> Received:
        """Ask one remote after the other, until everything is here."""
        without = ("value", "file") if self._meant.manifests else ("value",)
        wanted = [version for version in versions if version.pointer.kind not in without]
        for named in routes:
            try:
                wanted = self._ask(named, wanted)
            except (RemoteError, NewerFormat) as error:
                self._failed.append((named, error))
                self._passed.append(Passed(named.name, named.url, error.message, error.hint))
                continue
            if not wanted:
                return Received(
                    self._count, self._size, tuple(self._asked), tuple(self._refused), tuple(self._passed),
                    tuple(self._foreseen()),
                )  # fmt: skip
        with naming_too([one.error for one in self._refused]):
            raise self._failure(wanted, routes[0])

    def _ask(self, named: Named, wanted: Sequence[Version]) -> list[Version]:
        """Fetch what one remote has of it; the versions that are still not whole here."""
        with connected(self._project, named, sending=False, kept=not self._dry_run) as connection:
            self._asked.append(named)
            if self._dry_run:
                receiving: _Receiving = _Foreseeing(self._project, connection, self._lengths, self._nodes)
            else:
                receiving = _Receiving(self._project, connection, self._progress)
            try:
                left = self._receive(receiving, connection, wanted)
            finally:
                self._count, self._size = self._count + receiving.count, self._size + receiving.size
                self._missing |= receiving.missing
                self._damaged |= receiving.damaged
            if receiving.missing and not self._dry_run:
                learn(self._project, connection, receiving.missing)
                dropped.learn(self._project, connection, left)
        if receiving.damaged:
            count = len(receiving.damaged)
            what = "1 object there is" if count == 1 else f"{count:,} objects there are"
            hint = f"where the data is whole, this mends it: {_again(named)}"
            self._passed.append(Passed(named.name, named.url, f"{what} damaged", hint))
        return left

    def _receive(self, receiving: _Receiving, remote: Remote, versions: Sequence[Version]) -> list[Version]:
        """Fetch it all from one remote; those still not whole here, without those that are refused from now on."""
        paths, choice, manifests = self._meant
        takes = choice.takes if choice is not None else None
        left: list[Version] = []
        reached: list[tuple[Version, set[bytes]]] = []
        for version in versions:
            try:
                below = objects_below(version, receiving.read_many, parts=inside(version, paths), takes=takes)
                reached.append((version, below))
            except _Unavailable:
                left.append(version)
            except UNBELIEVABLE as error:
                self._refused.append(refusal(version, paths, error))
        if self._dry_run:
            self._below.update({(one[0].path, one[0].pointer.digest): one for one in reached})
        if manifests:
            return left
        failed = receiving.bring(set().union(*(objects for _, objects in reached)))
        whole = [version for version, objects in reached if failed.isdisjoint(objects)]
        if takes is None:
            whole = [version for version in whole if not inside(version, paths)]
            remote.known.note_latest((version.path, version.pointer.digest) for version in whole)
        return left + [version for version, objects in reached if not failed.isdisjoint(objects)]

    def _foreseen(self) -> Iterator[Foreseen]:
        paths, choice, manifests = self._meant
        for _, (version, below) in sorted(self._below.items()):
            digests = below & self._lengths.keys()
            if manifests:
                digests &= self._nodes.keys()
            pointer = version.pointer
            files = (pointer.files if pointer.kind == "directory" else 1) if digests else None
            is_part = bool(inside(version, paths)) or choice is not None or manifests
            size = sum(self._lengths[digest] for digest in digests)
            yield Foreseen(version.path, None if is_part else files, len(digests), size)

    def _failure(self, wanted: Sequence[Version], first: Named) -> TrackError:
        """Why not everything came: what became of the best remote, or where all of it was looked for in vain."""
        failed = dict(self._failed)
        error = failed.pop(first, None)
        if error is None:
            error = _losses(self._project, wanted, self._asked, self._missing, self._damaged)
        elif self._asked:
            names = " and ".join(f"`{display(named.name)}`" for named in self._asked)
            verb = "has" if len(self._asked) == 1 else "have"
            error.details = (*error.details, f"{names} {verb} not all that is needed")
        for named, other in failed.items():
            error.details = (*error.details, f"`{display(named.name)}` could not be asked: {other.message}")
            error.details = (*error.details, *(f"  hint: {line}" for line in (other.hint or "").splitlines()))
        return error


def _losses(
    project: Project, versions: Sequence[Version], asked: Sequence[Named], missing: set[bytes], damaged: set[bytes]
) -> MissingObject | DamagedObject:
    """The error that names the files, the objects, where they were looked for and a way out."""
    lost = project.store.absent(missing | damaged)
    lines = name_losses(versions, lost, project.store.read)
    names = " and ".join(f"`{display(named.name)}` ({display(named.url)})" for named in asked)
    files = display(versions[0].path) if len(versions) == 1 else f"{len(versions)} artifacts"
    again = _again(asked[0])
    purged = purged_in(project.store.rooms) if lost else {}
    if lost and lost <= purged.keys():
        first, *more = _went_with(purged[digest] for digest in lost)
        return PurgedObject(f"{files}: {first}", hint=GONE, details=(*more, *lines))
    if bad := lost & damaged:
        return DamagedObject(
            f"{files}: {len(bad)} of the objects at {names} are damaged; nothing of them was placed",
            hint=f"where the data is whole, this mends it: {again}",
            details=lines,
        )
    error = MissingObject(
        f"{files}: {len(lost)} of the objects are neither here nor at {names}",
        hint=f"where the data was made: track push      or, if it was lost there since: {again}",
        details=lines,
    )
    return dropped.explain(project, error, versions, is_final=True)


def _went_with(purges: Iterable[Purge]) -> list[str]:
    """What each of these purges says of itself, and how much of what is wanted went with it."""
    return [
        f"{', '.join(map(display, purge.paths))} {told(purge)}; {count} object{'s' if count > 1 else ''} of what is "
        "wanted went with that"
        for purge, count in sorted(Counter(purges).items())
    ]


def _again(named: Named) -> str:
    """What finds out everything that is bad at a remote, and puts it right."""
    return f"track repair --remote {display(named.name)}"
