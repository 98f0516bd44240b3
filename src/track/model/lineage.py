"""Lineage: what came from what, as a graph of artifacts, runs and code, joined by digest out of the records of runs.

What a run used is the same thing as what an earlier one made, whatever either of them calls it: content decides, as in
Simvue. Of several runs that made the same content, the latest that had ended before the user began is taken, so no edge
goes back in time; the others are said beside it.

What a command said to a stream is no producer of the same bytes elsewhere: a log counts only for who fetched it, or has
it by its name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from track.model.digest import Digest
from track.model.graph import Edge, Graph, Node, walk
from track.model.producers import SAID, Made, Producers
from track.model.record import Record, Used

__all__ = ["Edge", "Graph", "History", "Node"]


class History:
    """Every run that is known, ready to be followed in both directions."""

    def __init__(
        self, records: Iterable[Record], based_on: Mapping[bytes, tuple[tuple[str, Digest], ...]] | None = None
    ) -> None:
        """`based_on` are said origins of content that no run made: its digest -> (name, digest) of each."""
        self._runs: dict[str, Record] = {}
        self._made: dict[bytes, Producers] = {}
        self._logs: dict[bytes, list[Made]] = {}
        self._with_logs: dict[bytes, Producers] = {}
        self._users: dict[bytes, dict[str, Record]] = {}
        self._used: dict[bytes, dict[str, list[tuple[Record, str]]]] = {}
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
            if used.is_log:
                self._logs.setdefault(used.digest, []).append(Made(record, used))
            else:
                self._made.setdefault(used.digest, Producers()).add(Made(record, used))
        for used in record.of("input"):
            self._users.setdefault(used.digest, {})[record.id] = record
            self._names[used.digest] = used.called, used.size
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
        """The node of content: as code where it is known as that alone; made by `run`, else by the latest that did.

        By a `name` under which runs had it before any run made it, and none made it, it is what was there before.
        """
        made = self._made.get(digest)
        there = None if made is None or name is None else self._there_before(digest, made, run, name)
        if there is not None:
            self._names[digest] = there.called, there.size
        elif made is not None:
            return self._output(made.latest(run=run, name=name))
        if made is not None or digest in self._users:
            return self._source(digest)
        if digest in self._coded:
            return self._code(digest)
        is_said = name is None and digest in self._logs
        return self._output(self._logged(digest).latest(run=run)) if is_said else self._source(digest)

    def _there_before(self, digest: Digest, made: Producers, run: str | None, name: str) -> Used | None:
        """What runs used by that name before it was made, where nobody made it so: neither `run` nor another."""
        if any(one.used.shown == name or one.run.id == run for one in made):
            return None
        for record in self._users.get(digest, {}).values():
            for used in record.of("input"):
                if used.digest == digest and used.shown == name and made.before(record, used) is None:
                    return used
        return None

    def is_made(self, digest: Digest) -> bool:
        """Whether a run made this content, whatever it is called."""
        return digest in self._made

    def users(self, digest: Digest) -> tuple[Record, ...]:
        """The runs that used this content, whoever made it for them, or had it as code, in the order they began."""
        found = {**self._users.get(digest, {}), **{record.id: record for record in self._coded.get(digest, ())}}
        return tuple(sorted(found.values(), key=lambda record: (record.started, record.id)))

    def called(self, name: str) -> Iterator[tuple[Record, Used]]:
        """(run, artifact) of everything that a run calls so, newest first."""
        for record in reversed(self._runs.values()):
            for used in record.artifacts:
                if name in (used.shown, used.called):
                    yield record, used

    def names(self) -> set[str]:
        """Every name that an artifact or code has in a run: the path of its pointer, of a named artifact."""
        return {used.shown for record in self._runs.values() for used in record.artifacts}

    def node_of(self, record: Record, used: Used) -> Node:
        """The node of what a run calls an artifact of its own."""
        if used.category == "output":
            return self._output(Made(record, used))
        if used.category == "code":
            return self._code(used.digest)
        return self._input(record, used)

    def upstream(self, start: Node, depth: int | None = None) -> Graph:
        """What it came from, at most `depth` edges away."""
        return walk(start, self._parents, depth, downstream=False)

    def downstream(self, start: Node, depth: int | None = None) -> Graph:
        """What came from it, at most `depth` edges away."""
        return walk(start, self._children, depth, downstream=True)

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
                yield self._output(Made(node.record, used)), "made"
            return
        assert node.digest is not None
        if node.kind == "code":
            yield from ((self._run(record), "code") for record in self._coded[node.digest])
            return
        yield from ((self._run(record), how) for record, how in self._users_of(node.digest).get(node.id, ()))
        derived = [each for each in self._derived.get(node.digest, ()) if each not in self._made]
        if derived and self.content(node.digest).id == node.id:
            yield from ((self._source(Digest(each)), "said") for each in derived)

    def _users_of(self, digest: Digest) -> dict[str, list[tuple[Record, str]]]:
        """Who used this content and how, by the node that it was for them."""
        if digest not in self._used:
            found: dict[str, list[tuple[Record, str]]] = {}
            for record in self._users.get(digest, {}).values():
                for used in record.of("input"):
                    if used.digest == digest:
                        found.setdefault(self._input(record, used).id, []).append((record, used.how))
            self._used[digest] = found
        return self._used[digest]

    def _input(self, record: Record, used: Used) -> Node:
        """The node of what a run used: the content as the run before made it, or as it came from elsewhere."""
        made = self._made.get(used.digest)
        if used.digest in self._logs:
            logged = self._logged(used.digest)
            made = logged if used.is_log or logged.has(dict(used.address).get("run", "")) else made
        before = None if made is None else made.before(record, used)
        return self._source(used.digest) if before is None else self._output(before)

    def _logged(self, digest: Digest) -> Producers:
        """Those that made this content, among them those whose command said it."""
        if digest not in self._with_logs:
            found = self._with_logs[digest] = Producers()
            every = [*self._made.get(digest, ()), *self._logs[digest]]
            for made in sorted(every, key=lambda made: (made.run.started, made.run.id)):
                found.add(made)
        return self._with_logs[digest]

    def _run(self, record: Record) -> Node:
        return self._known(f"run:{record.id}", lambda id: Node(id, "run", record.name, record=record))

    def _output(self, made: Made) -> Node:
        run, used = made

        def make(id: str) -> Node:
            producers = self._logged(used.digest) if used.is_log else self._made[used.digest]
            count, others = producers.others(run.id)
            said = [(other.id, other.name) for other in islice(others, SAID)]
            also, named = tuple(id for id, _ in said), tuple(name for _, name in said)
            return Node(
                id, "artifact", used.called, used.digest, used.size,
                run=run.id, also=also, also_named=named, also_count=count,
            )  # fmt: skip

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


def _code_of(record: Record) -> list[tuple[Digest, str, int]]:
    """(digest, name, size) of the code of a run: what it saved as that, else the tree that it saw."""
    saved = [(used.digest, used.called, used.size) for used in record.of("code")]
    if saved or record.revision is None or record.revision.code is None:
        return saved
    commit = record.revision.commit
    name = "code" if commit is None else f"code at {commit[:8]}{' and changes' * record.revision.dirty}"
    return [(record.revision.code, name, 0)]
