"""Lineage: what came from what, as a graph of artifacts, runs and code, joined by digest out of the records of runs.

What a run used is the same thing as what an earlier one made, whatever either of them calls it: content decides, as in
Simvue. Of several runs that made the same content, the latest that had ended before the user began is taken, so no edge
goes back in time; the others are said beside it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from track.model.digest import Digest
from track.model.record import Record, Used

Key: TypeAlias = tuple[str, str]
"""What a node is: its kind, and its id."""


class Node(NamedTuple):
    """A node: `kind` is artifact, run or code, and `id` is unique among all.

    An artifact that a run made is of that run; one that no known run made is of its content. `digest` and `size` (in
    bytes) are of artifacts and code, `record` is of runs. `also` are the ids of other runs that made the same content.
    """

    id: str
    kind: str
    name: str
    digest: Digest | None = None
    size: int = 0
    record: Record | None = None
    run: str | None = None
    also: tuple[str, ...] = ()


class Edge(NamedTuple):
    """What `target` came from: the ids of two nodes, and how that is known."""

    source: str
    target: str
    how: str


class Graph(NamedTuple):
    """Nodes, nearest to the `start` first, and edges between them; `cut` are nodes behind which more is left out."""

    start: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    cut: frozenset[str] = frozenset()


class _Made(NamedTuple):
    run: Record
    used: Used


class History:
    """Every run that is known, ready to be followed in both directions."""

    def __init__(
        self, records: Iterable[Record], based_on: Mapping[bytes, tuple[tuple[str, Digest], ...]] | None = None
    ) -> None:
        """`based_on` are said origins of content that no run made: its digest -> (name, digest) of each."""
        self._runs: dict[str, Record] = {}
        self._made: dict[bytes, list[_Made]] = {}
        self._users: dict[bytes, list[Record]] = {}
        self._coded: dict[bytes, list[Record]] = {}
        self._names: dict[bytes, tuple[str, int]] = {}
        self._nodes: dict[str, Node] = {}
        self._based_on = based_on or {}
        self._derived: dict[bytes, list[bytes]] = {}
        for record in sorted(records, key=lambda record: (record.started, record.id)):
            self._take(record)
        for digest, origins in self._based_on.items():
            for name, origin in origins:
                self._names.setdefault(origin, (name, 0))
                self._derived.setdefault(origin, []).append(digest)

    def _take(self, record: Record) -> None:
        if record.id in self._runs:
            return
        self._runs[record.id] = record
        for used in record.of("output"):
            self._made.setdefault(used.digest, []).append(_Made(record, used))
        for used in record.of("input"):
            self._users.setdefault(used.digest, []).append(record)
            self._names[used.digest] = used.shown, used.size
        for digest, name, size in _code_of(record):
            self._coded.setdefault(digest, []).append(record)
            self._names[digest] = name, size

    def name_content(self, digest: Digest, name: str, size: int) -> None:
        """Call content that no run made by a better name: that of its path."""
        self._names[digest] = name, size

    def run(self, run: str) -> Node | None:
        """The node of a run, by its id."""
        record = self._runs.get(run)
        return None if record is None else self._run(record)

    def content(self, digest: Digest, *, run: str | None = None, name: str | None = None) -> Node:
        """The node of content: as code where it is known as that alone; made by `run`, else by the latest that did."""
        made = self._made.get(digest, [])
        if not made and digest in self._coded and digest not in self._users:
            return self._code(digest)
        if made:
            chosen = max(made, key=lambda one: (one.run.id == run, one.used.shown == name, _ended(one.run), one.run.id))
            return self._output(chosen)
        return self._source(digest)

    def called(self, name: str) -> Iterator[tuple[Record, Used]]:
        """(run, artifact) of everything that a run calls so, newest first."""
        for record in reversed(self._runs.values()):
            for used in record.artifacts:
                if used.shown == name:
                    yield record, used

    def names(self) -> set[str]:
        """Every name that an artifact or code has in a run."""
        return {used.shown for record in self._runs.values() for used in record.artifacts}

    def node_of(self, record: Record, used: Used) -> Node:
        """The node of what a run calls an artifact of its own."""
        if used.category == "output":
            return self._output(_Made(record, used))
        if used.category == "code":
            return self._code(used.digest)
        return self._input(record, used)

    def upstream(self, start: Node, depth: int | None = None) -> Graph:
        """What it came from, at most `depth` edges away."""
        return _walk(start, self._parents, depth, lambda node, other, how: Edge(other.id, node.id, how))

    def downstream(self, start: Node, depth: int | None = None) -> Graph:
        """What came from it, at most `depth` edges away."""
        return _walk(start, self._children, depth, lambda node, other, how: Edge(node.id, other.id, how))

    def _parents(self, node: Node) -> Iterator[tuple[Node, str]]:
        if node.kind == "run":
            assert node.record is not None
            for digest, _, _ in _code_of(node.record):
                yield self._code(digest), "code"
            for used in node.record.of("input"):
                yield self._input(node.record, used), used.how
        elif node.run is not None:
            yield self._run(self._runs[node.run]), "made"
        elif node.kind == "artifact" and node.digest is not None:
            for _, origin in self._based_on.get(node.digest, ()):
                yield self.content(origin), "said"

    def _children(self, node: Node) -> Iterator[tuple[Node, str]]:
        if node.kind == "run":
            assert node.record is not None
            for used in node.record.of("output"):
                yield self._output(_Made(node.record, used)), "made"
            return
        assert node.digest is not None
        if node.kind == "code":
            yield from ((self._run(record), "code") for record in self._coded[node.digest])
            return
        for record in self._users.get(node.digest, ()):
            for used in record.of("input"):
                if used.digest == node.digest and self._input(record, used).id == node.id:
                    yield self._run(record), used.how
        for derived in self._derived.get(node.digest, ()):
            if not self._made.get(derived) and self.content(node.digest).id == node.id:
                yield self._source(Digest(derived)), "said"

    def _input(self, record: Record, used: Used) -> Node:
        """The node of what a run used: the content as the run before made it, or as it came from elsewhere."""
        before = [one for one in self._made.get(used.digest, ()) if one.run.id != record.id]
        fetched = dict(used.address).get("run")
        ended = [one for one in before if one.run.id == fetched]
        ended = ended or [one for one in before if one.run.ended is not None and one.run.ended <= record.started]
        ended = ended or [one for one in before if one.run.started < record.started]  # the run that this one is in
        if not ended:
            return self._source(used.digest)
        chosen = max(ended, key=lambda one: (_ended(one.run), one.run.id, one.used.shown == used.shown))
        return self._output(chosen)

    def _run(self, record: Record) -> Node:
        return self._known(f"run:{record.id}", lambda id: Node(id, "run", record.name, record=record))

    def _output(self, made: _Made) -> Node:
        run, used = made

        def make(id: str) -> Node:
            others = {one.run.id: None for one in self._made[used.digest] if one.run.id != run.id}
            return Node(id, "artifact", used.shown, used.digest, used.size, run=run.id, also=tuple(others))

        return self._known(f"artifact:{run.id}:{used.digest.hex()[:16]}:{used.shown}", make)

    def _source(self, digest: Digest) -> Node:
        name, size = self._names.get(digest, (str(digest)[:19], 0))
        return self._known(f"artifact:{digest}", lambda id: Node(id, "artifact", name, Digest(digest), size))

    def _code(self, digest: bytes) -> Node:
        name, size = self._names.get(digest, ("code", 0))
        return self._known(f"code:{Digest(digest)}", lambda id: Node(id, "code", name, Digest(digest), size))

    def _known(self, id: str, make: Callable[[str], Node]) -> Node:
        if id not in self._nodes:
            self._nodes[id] = make(id)
        return self._nodes[id]


def _walk(
    start: Node,
    neighbours: Callable[[Node], Iterator[tuple[Node, str]]],
    depth: int | None,
    edge: Callable[[Node, Node, str], Edge],
) -> Graph:
    found = {start.id: start}
    edges: dict[tuple[str, str], Edge] = {}
    cut: set[str] = set()
    waiting = deque([(start, 0)])
    while waiting:
        node, far = waiting.popleft()
        for other, how in neighbours(node):
            if depth is not None and far >= depth:
                cut.add(node.id)
                break
            one = edge(node, other, how)
            edges.setdefault((one.source, one.target), one)
            if other.id not in found:
                found[other.id] = other
                waiting.append((other, far + 1))
    return Graph(start.id, tuple(found.values()), tuple(edges.values()), frozenset(cut))


def _code_of(record: Record) -> list[tuple[Digest, str, int]]:
    """(digest, name, size) of the code of a run: what it saved as that, else the tree that it saw."""
    saved = [(used.digest, used.shown, used.size) for used in record.of("code")]
    if saved or record.revision is None or record.revision.code is None:
        return saved
    commit = record.revision.commit
    name = "code" if commit is None else f"code at {commit[:8]}{' and changes' * record.revision.dirty}"
    return [(record.revision.code, name, 0)]


def _ended(record: Record) -> float:
    return (record.ended or record.started).timestamp()
