"""Lineage of something that a person named: which node of the graph is meant, out of every run that is known."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeVar

from track.errors import (
    MalformedPointer,
    OutsideRepository,
    TrackError,
    UnknownPath,
    UnknownRevision,
    UnknownRun,
)
from track.flows.candidates import ambiguous, of_run, of_saved, refuse_several
from track.flows.catalogued import passed_over
from track.flows.lineage_runs import Asked, Told, every_record, related_runs, spelled
from track.flows.named_place import place_named
from track.flows.named_versions import version_path
from track.flows.pointers import owner_of, readable_pointers
from track.flows.run_find import Runs, find_run, runs_with_digits
from track.flows.sides import artifact_of, pointer_of
from track.flows.version_ids import of_version, versions_with_id
from track.history import log
from track.history.catalog_related import Way
from track.model.digest import Digest
from track.model.graph import Graph, Node, between, only
from track.model.lineage import History
from track.model.names import (
    display,
    is_named_pointer,
    is_pointer_path,
    is_record_path,
    name_of,
    parse_artifact_name,
    pointer_called,
    text_of,
    typed,
)
from track.model.nearest import like
from track.model.pointer import Pointer, parse_pointer
from track.model.record import Record, Used
from track.project import Project

_LISTED = 10


class Traced(NamedTuple):
    """The graph of what was asked for, the `start` in it, and which records and pointers here cannot be read.

    `absent_count` pointers and records of other refs were not looked at, for they are not here, as in a partial clone;
    `unreadable_count` records were once committed broken, and are passed over.
    """

    start: Node
    graph: Graph
    refused: tuple[TrackError, ...]
    absent_count: int = 0
    unreadable_count: int = 0


class Wanted(NamedTuple):
    """What of a graph is wanted: at most `depth` edges, the `kinds` of nodes (none: all), and whose runs count.

    With `every`, runs whose records any ref has count as well. `rev` is where an artifact is looked up by its path.
    """

    depth: int | None = None
    kinds: tuple[str, ...] = ()
    rev: str | None = None
    every: bool = False


class _Known(NamedTuple):
    history: History
    pointers: dict[bytes, Pointer]
    refused: tuple[TrackError, ...]
    runs: Runs


Answer = TypeVar("Answer")


def trace(project: Project, item: str, wanted: Wanted, *, downstream: bool) -> Traced:
    """Follow what `item` names: an artifact by its path, `RUN:NAME`, a run, a digest, an id, or what a run saved.

    Raises:
        UnknownPath: nothing is called so; the nearest names are listed.
        UnknownRun: several runs are called so.
        UsageError: several things are; each is listed with words that mean it alone.
        UnknownRevision: there is no such commit.
        MalformedPointer, NewerFormat: its pointer cannot be read.
    """

    def followed(known: _Known, starts: Sequence[Node]) -> Traced:
        start = starts[0]
        follow = known.history.downstream if downstream else known.history.upstream
        if wanted.kinds:
            graph = only(follow(start), wanted.kinds, wanted.depth, downstream=downstream)
        else:
            graph = follow(start, wanted.depth)
        return Traced(start, graph, known.refused)

    depth = None if wanted.kinds else wanted.depth  # else edges are counted that are left
    return _counted(project, wanted, _asked(project, (item,), wanted, followed, Way(downstream, depth)))


def trace_way(project: Project, source: str, target: str, wanted: Wanted, *, shortest: bool) -> Traced:
    """Follow how `target` came from `source`; content that several runs made means all of them.

    Raises:
        as `trace`.
    """

    def followed(known: _Known, starts: Sequence[Node]) -> Traced:
        first, last = starts
        upstream = known.history.upstream(last)
        sources = [node.id for node in upstream.nodes if node.id == first.id]
        if not sources and first.kind == "artifact" and _is_of_content(source):
            sources = [node.id for node in upstream.nodes if node.kind == "artifact" and node.digest == first.digest]
        graph = between(upstream, sources, shortest=shortest)
        if wanted.kinds and graph.nodes:
            graph = only(graph, wanted.kinds, downstream=False)
        return Traced(last, graph, known.refused)

    return _counted(project, wanted, _asked(project, (source, target), wanted, followed, Way(downstream=False)))


def _counted(project: Project, wanted: Wanted, traced: Traced) -> Traced:
    if not wanted.every:
        return traced
    passed = passed_over(project)
    broken_count = sum(is_record_path(one.path) for one in passed.unreadable)
    return traced._replace(
        absent_count=passed.absent_count, unreadable_count=max(0, broken_count - len(traced.refused))
    )


def _is_of_content(item: str) -> bool:
    """Whether an artifact was named by what it holds, and not by the run that made it."""
    return ":" not in item or _digest(item) is not None


def _asked(
    project: Project,
    words: Sequence[str],
    wanted: Wanted,
    question: Callable[[_Known, Sequence[Node]], Answer],
    way: Way,
) -> Answer:
    """The answer of `question` about the runs that the catalog says it can depend on, where these are too few about
    all, and the nodes that the words name.
    """
    pointers, unreadable = readable_pointers(project)
    items = [_meant(project, pointers, item, wanted.rev) for item in words]
    held = [_digest(item) or _held(project, pointers, item, rev) for item, rev in items]
    known = [digest for digest in held if digest is not None]
    said = [(content, bytes(origin)) for content, found in _said_origins(pointers).items() for _, origin in found]
    asked = Asked(
        [item for item, _ in items], known, way._replace(said=said), wanted.every, [text_of(path) for path in pointers]
    )

    def answer(told: Told) -> Answer:
        known = _known(told, pointers, unreadable)
        return question(known, [_start(project, known, item, rev) for item, rev in items])

    told = related_runs(project, asked)
    if told is not None:
        with suppress(UnknownPath, UnknownRun):  # all runs together know the nearest names
            return answer(told)
    return answer(every_record(project, every=wanted.every))


def _meant(project: Project, pointers: dict[bytes, Pointer], item: str, rev: str | None) -> tuple[str, str | None]:
    """(item, revision) as they were typed; of the id of a version the path, and where it is there, or `RUN:NAME`."""
    versions = versions_with_id(project, item) if rev is None else []
    if not versions or _pointer(project, pointers, item, rev) is not None:
        return item, rev
    others = [*map(of_version, versions), *(of_run(run.record) for run in runs_with_digits(project, item))]
    if len(others) > 1:
        raise ambiguous(item, others)
    path = versions[0].path
    if path is None:
        run, digest = versions[0].document["run"], versions[0].document["digest"]
        with suppress(UnknownRun):
            return f"{find_run(project, run).record.id}:{versions[0].name}", None
        return digest, None  # only another branch has the run
    return os.path.join(project.root, os.fsdecode(path)), versions[0].commit


def _known(told: Told, pointers: dict[bytes, Pointer], unreadable: Sequence[TrackError]) -> _Known:
    runs = told.runs
    records = {record.id: record for record in told.records} | {found.record.id: found.record for found in runs.found}
    history = History(records.values(), _said_origins(pointers))
    names = history.names() | told.names
    for path, pointer in pointers.items():
        if text_of(path) not in names:
            history.name_content(pointer.digest, _called(path), pointer.size)
    return _Known(history, pointers, (*unreadable, *told.refused, *runs.refused), runs)


def _held(project: Project, pointers: dict[bytes, Pointer], item: str, rev: str | None) -> Digest | None:
    """The digest of what the artifact at a path holds, in the working tree or at `rev`."""
    found = _pointer(project, pointers, item, rev)
    return None if found is None else found[1].digest


def _said_origins(pointers: dict[bytes, Pointer]) -> dict[bytes, tuple[tuple[str, Digest], ...]]:
    return {
        pointer.digest: tuple((_called(name), digest) for name, digest in pointer.based_on.items())
        for pointer in pointers.values()
        if pointer.based_on
    }


def _start(project: Project, known: _Known, item: str, rev: str | None) -> Node:
    """The node that `item` names."""
    history, pointers, _, runs = known
    if (digest := _digest(item)) is not None:
        return history.content(digest)
    if rev is None:
        refuse_several(project, item, pointers, (run.record for run in runs.found))
    if (node := _artifact(project, history, pointers, item, rev)) is not None:
        return node
    if rev is not None:  # no other thing of that name is what it was at that revision
        raise UnknownPath(
            f"nothing is tracked at `{display(item)}` in `{display(rev)}`",
            hint=f"which versions it has: track log {typed(item)}      what it is now: leave out --rev",
        )
    if ":" in item and (node := _of_run(project, history, runs, item)) is not None:
        return node
    if (node := _saved(history, runs, item)) is not None:
        return node
    try:
        found = find_run(project, item, runs)
    except UnknownRun as error:
        if error.details and not error.details[0].startswith("there is"):
            raise  # several
        raise _unknown(known, item) from error
    node = history.run(found.record.id)
    assert node is not None
    return node


def _saved(history: History, runs: Runs, item: str) -> Node | None:
    """The node of what runs call so, by the latest of them; None where none does.

    Raises UsageError where several contents, or a run as well, are called so.
    """
    latest: dict[bytes, tuple[Record, Used]] = {}
    for record, used in history.called(spelled(item)):
        latest.setdefault(used.digest, (record, used))
    if not latest:
        return None
    alike = [run.record for run in runs.found if run.record.name == item]
    if alike or len(latest) > 1:
        raise ambiguous(item, [*(of_saved(record, used) for record, used in latest.values()), *map(of_run, alike)])
    return history.node_of(*next(iter(latest.values())))


def _digest(item: str) -> Digest | None:
    try:
        return Digest.parse(item)
    except ValueError:
        return None


def _artifact(
    project: Project, history: History, pointers: dict[bytes, Pointer], item: str, rev: str | None
) -> Node | None:
    """The node of the artifact at a path or of a name, by its pointer in the working tree or at `rev`."""
    found = _pointer(project, pointers, item, rev)
    if found is None:
        return None
    path, pointer = found
    if not history.is_made(pointer.digest):  # else the other is the name by which it was used
        history.name_content(pointer.digest, _called(path), pointer.size)  # others may hold the same
    return history.content(pointer.digest, run=pointer.run, name=text_of(path))


def _pointer(
    project: Project, pointers: dict[bytes, Pointer], item: str, rev: str | None
) -> tuple[bytes, Pointer] | None:
    try:
        given = pointer_called(item) or project.relative(item)
    except TrackError:
        return None
    asked = artifact_of(given) if is_pointer_path(given) else given
    path = asked if asked in pointers else owner_of(project, asked) or asked
    pointer = pointers.get(path)
    if rev is not None:
        content = log.pointer_at(project.git, rev, pointer_of(path))
        pointer = None if content is None else parse_pointer(content, pointer_of(path))
    return _named(project, item, rev) if pointer is None else (path, pointer)


def _named(project: Project, item: str, rev: str | None) -> tuple[bytes, Pointer] | None:
    """The version that `NAME[@VERSION]` means; None where no named artifact is called so."""
    try:
        located = place_named(project, item if rev is None else f"{rev}:{item}")
    except (UnknownPath, UnknownRevision, OutsideRepository):
        return None
    if not is_named_pointer(located.artifact):
        return None
    return version_path(located.artifact, located.pointer), located.pointer


def _called(path: bytes) -> str:
    return name_of(path) or text_of(path)


def _of_run(project: Project, history: History, runs: Runs, item: str) -> Node | None:
    """The node of `RUN:NAME`; None where no part of it is a run."""
    for place in [place for place, letter in enumerate(item) if letter == ":"]:
        run, name = item[:place], item[place + 1 :]
        try:
            record = find_run(project, run, runs).record
        except UnknownRun:
            continue
        for used in sorted(record.artifacts, key=lambda used: used.category != "output"):
            if name in (used.shown, used.called) or spelled(name) == used.called:
                return history.node_of(record, used)
        raise UnknownPath(
            f"the run {display(record.name)} neither used nor made `{display(name)}`",
            hint=f"track runs show {typed(run)}",
            details=_nearest(name, {used.called for used in record.artifacts}),
        )
    return None


def _unknown(known: _Known, item: str) -> UnknownPath:
    if item.startswith("blake3:"):
        return UnknownPath(
            f"`{display(item)}` is no whole digest",
            hint="64 digits stand behind blake3:, as track show PATH prints them",
        )
    names = known.history.names() | {_called(path) for path in known.pointers}
    names |= {found.record.name for found in known.runs.found}
    for path in filter(is_named_pointer, known.pointers):
        with suppress(MalformedPointer):
            names.add(parse_artifact_name(path))
    return UnknownPath(
        f"nothing is called `{display(item)}`: no artifact, no run, and nothing that a run used or made",
        hint="see what is tracked: track ls      see the runs: track runs list",
        details=_nearest(item, names),
    )


def _nearest(name: str, names: set[str]) -> tuple[str, ...]:
    return tuple(f"there is {typed(each)}" for each in like(name, sorted(names), _LISTED))
