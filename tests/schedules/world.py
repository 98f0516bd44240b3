"""One schedule: clients, what they hold and need, what they do by chance, and what has to hold all the time."""

import random
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.schedules.server import Fate, Killed, Server, SteppedPlace, Turn, fates

from track.errors import Conflict, MissingObject, RemoteError, TrackError
from track.flows.collecting import Collecting, View
from track.flows.copies import held_there
from track.flows.needed import ReadNodes, descend
from track.flows.reach import Version
from track.flows.send import claim, plan, send_planned
from track.model.digest import Digest, digest_of
from track.model.node import Child, Entry, encode_inner, encode_leaf
from track.model.pointer import Pointer
from track.store.backends.sealed import SealedPlace
from track.store.backends.sealing import Sealing
from track.store.collect import look, rewrite, take
from track.store.description import Description
from track.store.holders import read_holders
from track.store.known import Known
from track.store.layout import object_key, pack_key
from track.store.marks import Marks, Root
from track.store.objects import Store
from track.store.pack import RAW
from track.store.place import NoSuchKey, Place
from track.store.remote import Remote
from track.store.survey import survey

HOUR_S = 3600.0
BRANCHES = ("main", "side", "try")
STORE_ID = "00112233445566778899aabbccddeeff"
FORGIVEN = (RemoteError, Conflict, MissingObject)
"""What may come of a step in a world of lost answers; the client tries again some time."""


class Made:
    """A version that somebody made: its root, and the bytes of everything below, by digest."""

    def __init__(self, kind: str, root: Digest, objects: dict[bytes, bytes]) -> None:
        self.root, self.objects = root, objects
        self.pointer = Pointer(kind=kind, digest=root, size=1, files=1 if kind == "directory" else None)


class World:
    """Everything there is: the server, the shared Git remote, the clients, and what is true of versions."""

    def __init__(self, seed: int, folder: Path, *, is_sealed: bool = False) -> None:
        self.sealing = Sealing(bytes(32), STORE_ID) if is_sealed else None
        self.source = random.Random(seed)
        self.folder = folder
        self.server = Server()
        self.versions: dict[bytes, Made] = {}
        self.contents = [b"content %d of %d" % (number, seed) * 9 for number in range(24)]
        self.shared: dict[str, bytes] = {}
        """Branches at the Git remote."""
        self.trouble = self.source.choice((0.0, 0.004, 0.02))
        self.is_calm = False
        self.log: list[str] = []
        self.clients = [Client(self, number) for number in range(self.source.choice((2, 2, 3)))]

    def place(self, turn: Turn, folder: Path) -> Place:
        """The server as somebody sees it, whose folder this is."""
        place = SteppedPlace(self.server, turn)
        return place if self.sealing is None else SealedPlace(place, self.sealing, folder / "sealing")

    def run(self, steps: int) -> None:
        """Let the clients do so many things, at the same time where chance says so, and look after each."""
        began = 0
        while began < steps or any(client.is_busy for client in self.clients):
            idle = [client for client in self.clients if not client.is_busy]
            if idle and began < steps and (self.source.random() < 0.3 or len(idle) == len(self.clients)):
                self.source.choice(idle).begin()
                began += 1
            busy = [client for client in self.clients if client.is_busy]
            hurried = [client for client in busy if client.is_hurried]
            if busy:
                self.source.choice(hurried or busy).step()
            if not hurried and self.source.random() < 0.01:
                self.server.now += self.source.choice((1, 5, 13, 26)) * HOUR_S
            if not any(client.is_busy for client in self.clients):
                self.look()

    def settle(self) -> None:
        """Nothing goes wrong any more, and everybody gives up everything: in the end, the remote is empty."""
        self.trouble, self.is_calm = 0.0, True
        self.shared.clear()
        for client in self.clients:
            client.refs.clear()
            client.recent.clear()
        for _ in range(6):
            self.server.now += 8 * 24 * HOUR_S
            for client in self.clients:
                client.begin("collect at the remote")
                while client.is_busy:
                    client.step()
        left = [key for key in self.server.held if key.startswith(("packs/", "objects/", "tombstones/"))]
        assert not left, f"in the end nothing is needed, and these are left: {left}"

    def look(self) -> None:
        """What has to hold whenever nobody is in the middle of something."""
        place = self.place(lambda: "done", self.folder)
        with Known(self.folder / "looking.db") as known:
            known.be_about(STORE_ID)
            survey(place, known)
            for one in read_holders(place).entries:
                for root in one.entry.digests:
                    self._need(known, root, f"{one.key} says it is complete")
            for name, root in self.shared.items():
                self._need(known, root, f"branch {name} of the Git remote names it")
            for client in self.clients:
                client.delivered &= client.needed()  # whoever makes it again has to push it again
                for root in client.delivered:
                    self._need(known, root, f"{client.name} pushed it, and needs it")
        for client in self.clients:
            client.look()

    def _need(self, known: Known, root: bytes, why: str) -> None:
        for digest, content in self.versions[bytes(root)].objects.items():
            found = [self._content(held) for held in known.locate([digest]).get(digest, ())]
            assert content in found, f"{digest.hex()[:8]} below {root.hex()[:8]} is not at the remote, though {why}"

    def _content(self, held: object) -> bytes | None:
        pack, digest = held.pack, held.digest  # type: ignore[attr-defined]  # as in an index segment
        try:
            data = self.place(lambda: "done", self.folder).get(object_key(digest) if pack is None else pack_key(pack))
        except NoSuchKey:
            return None
        if pack is None:
            return data
        assert held.form == RAW  # type: ignore[attr-defined]  # of what is so small
        return data[held.offset : held.offset + held.length]  # type: ignore[attr-defined]  # as above

    def current(self) -> "Client":
        """The client that is running now."""
        return next(client for client in self.clients if client.is_running)

    def close(self) -> None:
        """Let everybody go."""
        for client in self.clients:
            client.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Going:
    """As marks: everything but what goes is needed."""

    def __init__(self, going: set[bytes]) -> None:
        self.going = going

    def kept(self, digests: Sequence[bytes]) -> set[bytes]:
        return set(digests) - self.going


class Client:
    """One clone: a thread that does one thing at a time, and stops before each request until it is told to go on."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.name = world, "abc"[number]
        self.writer = self.name * 32
        self.skew_s = world.source.uniform(-48, 48) * HOUR_S
        self.refs: dict[str, bytes] = {}
        self.recent: set[bytes] = set()
        """What its reflog still names."""
        self.here: set[bytes] = set()
        """Versions that are whole in its store."""
        self.delivered: set[bytes] = set()
        """Versions of which a push said that they are at the remote."""
        self.is_busy = self.is_running = False
        self.is_hurried = False
        """Whether it has just seen that it may still write: no hours pass between that and its next request."""
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._what = ""
        self._is_dying = self._is_over = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        self._wait()

    # What the schedule sees.

    def begin(self, what: str = "") -> None:
        """Begin something; it stops at its first request."""
        self._what = what or self.world.source.choices(list(_DEEDS), list(_WEIGHTS.values()))[0]
        self.world.log.append(f"{self.name}: {self._what}")
        self._is_dying = False
        self.is_busy = True
        self.step()

    def step(self) -> None:
        """Go on up to the next request, or to the end."""
        self.is_running = True
        self._go.release()
        self._wait()
        self.is_running = False

    def _wait(self) -> None:
        self._stopped.acquire()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End the thread."""
        self._is_over = True
        while self._thread.is_alive():
            self._go.release()
            self._thread.join(0.05)

    def needed(self) -> set[bytes]:
        """The versions that its history names."""
        return {*self.refs.values(), *self.recent}

    def look(self) -> None:
        """What it needs and had is still in its store."""
        for root in self.here & self.needed():
            for digest, content in self.world.versions[root].objects.items():
                path = self._store.whole(digest)
                found = path.read_bytes() if path is not None else self._store.read(digest)
                assert found == content

    # Its own thread.

    def _live(self) -> None:
        folder = self.world.folder / self.name
        try:
            with ExitStack() as stack:
                self._store = stack.enter_context(Store.open(folder / "store", create=True))
                place = self.world.place(self._turn, folder)
                self._remote = stack.enter_context(
                    Remote("origin", place, Known(folder / "known.db"), Description(STORE_ID))
                )
                while True:
                    self._stopped.release()
                    self._go.acquire()
                    if self._is_over:
                        return
                    self._do()
                    self.is_busy = self.is_hurried = False
        except BaseException as error:  # told to the schedule, which raises it
            self._failure = error
            self._stopped.release()

    def _turn(self) -> Fate:
        if self._is_dying:
            return "killed"
        self._stopped.release()
        self._go.acquire()
        self.is_hurried = False
        fate: Fate = fates(self.world.source, self.world.trouble) if not self._is_over else "killed"
        if fate.startswith("killed"):
            self._is_dying = True
        if fate != "done":
            self.world.log.append(f"{self.name}: {fate}")
        return fate

    def pause(self, seconds: float) -> None:
        """Wait for something: time goes on, and others may do something."""
        self.world.server.now += seconds
        if self._turn().startswith("killed"):
            raise Killed

    def _do(self) -> None:
        try:
            _DEEDS[self._what](self)
        except Killed:
            return
        except FORGIVEN as error:
            if self.world.is_calm:
                raise
            self.world.log.append(f"{self.name}: {error.message}")

    # What it does.

    def add(self) -> None:
        """Make a version, often much like another one, and have a branch name it."""
        made = self._make()
        self.world.versions[bytes(made.root)] = made
        with self._store.writer() as writer:
            for content in made.objects.values():
                writer.add(content)
            writer.commit()
        self._set(self.world.source.choice(BRANCHES), bytes(made.root))
        self.here.add(bytes(made.root))

    def _make(self) -> Made:
        source = self.world.source
        chosen = sorted(source.sample(range(len(self.world.contents)), source.randint(1, 6)))
        files = {b"%02d" % number: self.world.contents[number] for number in chosen}
        if source.random() < 0.3:
            content = source.choice(list(files.values()))
            return Made("file", digest_of(content), {bytes(digest_of(content)): content})
        objects = {bytes(digest_of(content)): content for content in files.values()}
        entries = [Entry(path, "f", len(content), digest_of(content)) for path, content in files.items()]
        nodes = [encode_leaf(entries)]
        if len(entries) > 2 and source.random() < 0.7:
            half = len(entries) // 2
            nodes = [encode_leaf(part) for part in (entries[:half], entries[half:])]
            lasts = entries[half - 1].path, entries[-1].path
            children = [Child(1, 1, digest_of(node), last) for node, last in zip(nodes, lasts, strict=True)]
            nodes.append(encode_inner(1, children))
        objects |= {bytes(digest_of(node)): node for node in nodes}
        return Made("directory", digest_of(nodes[-1]), objects)

    def _set(self, branch: str, root: bytes) -> None:
        if branch in self.refs:
            self.recent.add(self.refs[branch])
        self.refs[branch] = root

    def push(self) -> None:
        """Send what some branches need, then move them at the Git remote."""
        source = self.world.source
        branches = [branch for branch in sorted(self.refs) if source.random() < 0.7]
        asked = {branch: self.refs[branch] for branch in branches}
        self._remote.refresh()
        versions = [
            Version(branch.encode(), self.world.versions[root].pointer, (f"refs/heads/{branch}",))
            for branch, root in asked.items()
        ]
        claimed = claim(self._remote, versions, self.writer, patience_s=10.0)
        planned = plan(self._store, self._remote, versions)
        send_planned(self._store, self._remote, planned, claimed)
        whole = {version.path.decode() for version in (*planned.versions, *planned.present)}
        self.delivered |= {root for branch, root in asked.items() if branch in whole}
        if source.random() < 0.5:
            self.world.shared |= {branch: root for branch, root in asked.items() if branch in whole}

    def pull(self) -> None:
        """Take over a branch of the Git remote, with its data."""
        for branch, root in sorted(self.world.shared.items()):
            if self.world.source.random() < 0.6:
                self._remote.refresh()
                fetched = self._remote.fetch(self._store, self.world.versions[root].objects)
                if fetched.missing or fetched.damaged:
                    raise MissingObject(f"{root.hex()[:8]} is not whole at the remote")
                self._set(branch, root)
                self.here.add(root)

    def go_back(self) -> None:
        """A branch names again what it named before."""
        if self.recent and self.refs:
            self._set(self.world.source.choice(sorted(self.refs)), self.world.source.choice(sorted(self.recent)))

    def forget(self) -> None:
        """Delete a branch here, perhaps at the Git remote too, and perhaps what the reflog names."""
        source = self.world.source
        if self.refs:
            branch = source.choice(sorted(self.refs))
            self.recent.add(self.refs.pop(branch))
            if source.random() < 0.7:
                self.world.shared.pop(branch, None)
        if source.random() < 0.7:
            self.recent.clear()
        self.delivered &= self.needed()

    def _mark(self, marks: Marks, also: set[bytes]) -> None:
        kinds = {root: self.world.versions[root].pointer.kind == "directory" for root in self.needed() | also}
        marks.add_roots(Root(root, is_directory, root in self.here, "a ref") for root, is_directory in kinds.items())

    def collect_here(self) -> None:
        """Take what is not needed out of the local store, for good."""
        with Marks() as marks:
            self._mark(marks, set())
            descend(self._store, marks)
            found = look(self._store, marks, float("inf"))
            rewritten = rewrite(self._store, marks, found)
            take(self._store, marks, found, rewritten, self.world.server.now + self.skew_s)
            self._store.trash().empty(float("inf"))
        self.here &= self.needed()

    def let_go(self) -> None:
        """Have only the remote's copy of some of what it needs, as with a budget."""
        source = self.world.source
        roots = [root for root in sorted(self.here & self.needed()) if source.random() < 0.6]
        if not roots:
            return
        self._remote.refresh()
        objects = {digest for root in roots for digest in self.world.versions[root].objects}
        relying = {"refs/heads/let-go": tuple(map(Digest, roots))}
        there = held_there(self._remote, objects, relying, writer=self.writer, patience_s=10.0)
        whole = {
            root
            for root in roots
            if root not in there.unsaid and self.world.versions[root].objects.keys() <= there.held
        }
        going = {digest for root in whole for digest in self.world.versions[root].objects}
        for root in (self.here & self.needed()) - whole:
            going -= self.world.versions[root].objects.keys()
        marks = Going(going)
        found = look(self._store, marks, float("inf"))
        take(self._store, marks, found, rewrite(self._store, marks, found), self.world.server.now + self.skew_s)
        self._store.trash().empty(float("inf"))
        self.here -= whole
        self.delivered |= whole

    def collect_there(self) -> None:
        """Collect at the remote, as `track gc --remote` does, with every branch of the Git remote fetched."""
        self._remote.refresh()

        def viewing(marks: Marks, elsewhere: ReadNodes, _: object) -> View:
            self._mark(marks, set(self.world.shared.values()))
            descend(self._store, marks, elsewhere=elsewhere)
            return View(tuple(marks.lost()))

        with Marks() as marks:
            collecting = Collecting(self._remote, self._store, writer=self.writer, patience_s=20.0)
            outcome = collecting.run(marks, viewing)
        assert not outcome.lost, f"nobody knows what is below {outcome.lost}"
        self.world.log.append(f"{self.name}: {outcome.deleted}")

    def collect_daily(self) -> None:
        """Collect at the remote on some days, whatever others do meanwhile."""
        for _ in range(3):
            self.collect_there()
            self.pause(25 * HOUR_S)

    def sleep(self) -> None:
        """Some hours pass."""
        self.world.server.now += self.world.source.choice((2, 12, 25, 50)) * HOUR_S


_DEEDS: dict[str, Callable[[Client], None]] = {
    "add": Client.add,
    "push": Client.push,
    "pull": Client.pull,
    "go back": Client.go_back,
    "forget": Client.forget,
    "collect here": Client.collect_here,
    "let go": Client.let_go,
    "collect at the remote": Client.collect_there,
    "collect daily": Client.collect_daily,
    "sleep": Client.sleep,
}
_WEIGHTS = {
    "add": 6,
    "push": 8,
    "pull": 3,
    "go back": 2,
    "forget": 5,
    "collect here": 1,
    "let go": 3,
    "collect at the remote": 3,
    "collect daily": 3,
    "sleep": 4,
}


def failures(error: BaseException) -> Iterator[str]:
    """What a failed schedule says."""
    yield f"{type(error).__name__}: {error}"
    if isinstance(error, TrackError) and error.details:
        yield from error.details
