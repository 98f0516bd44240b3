"""One schedule: clients, what they hold and need, what they do by chance, and what has to hold all the time."""

import random
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.schedules.server import Fate, Killed, Server, SteppedPlace, Turn, fates

from track.errors import Conflict, MissingObject, RemoteError, TrackError
from track.flows.collecting import Collecting, View, is_whole
from track.flows.copies import held_there
from track.flows.last_copies import hold_back
from track.flows.needed import ReadNodes, descend
from track.flows.needed_there import mark_needed_there
from track.flows.reach import Version
from track.flows.send import claim, plan, send_planned
from track.model.digest import Digest, digest_of
from track.model.node import Child, Entry, encode_inner, encode_leaf
from track.model.pointer import Pointer
from track.model.policy import ALL, TIPS, Policy, widest
from track.store.backends.sealed import SealedPlace
from track.store.backends.sealing import Sealing
from track.store.chunk_reading import load_chunked, read_chunked_part
from track.store.collect import look, rewrite, take
from track.store.description import Chunking, Description
from track.store.holders import read_holders, say_kept
from track.store.known import Known
from track.store.layout import object_key, pack_key
from track.store.marks import Marks, Root
from track.store.objects import Store
from track.store.pack import RAW
from track.store.place import NoSuchKey, Place
from track.store.purged import note_purged, purge_here
from track.store.purging import purge_there
from track.store.recipe import RECIPE
from track.store.remote import Remote
from track.store.segment import Held
from track.store.survey import survey
from track.store.tombstones import Purge, read_tombstones, together

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
POLICIES = (ALL, ALL, TIPS, Policy(False, last=2), Policy(False, newer_days=2), Policy(False, last=1, newer_days=1))
BRANCHES = ("main", "side", "try")
STORE_ID = "00112233445566778899aabbccddeeff"
LARGE = 2000
"""In this world, objects of so many bytes are large, and go to the remote in chunks."""
DESCRIPTION = Description(
    STORE_ID, chunking=Chunking(minimum_bytes=256, average_bytes=512, maximum_bytes=1024, normalisation=2)
)
FORGIVEN = (RemoteError, Conflict, MissingObject)
"""What may come of a step in a world of lost answers; the client tries again some time."""


class Made:
    """A version that somebody made: its root, and the bytes of everything below, by digest."""

    def __init__(self, kind: str, root: Digest, objects: dict[bytes, bytes]) -> None:
        self.root, self.objects = root, objects
        self.pointer = Pointer(kind=kind, digest=root, size=1, files=1 if kind == "directory" else None)

    @property
    def is_directory(self) -> bool:
        return self.pointer.kind == "directory"


class Commit(NamedTuple):
    """When, by the clock of whoever made it, a branch began to name a version."""

    made_s: float
    root: bytes


class World:
    """Everything there is: the server, the shared Git remote, the clients, and what is true of versions."""

    def __init__(self, seed: int, folder: Path, *, is_sealed: bool = False, is_past: bool = False) -> None:
        """With `is_past`, branches grow and are collected: everybody gives up the past of which there is another copy,
        or (even seeds) only the first client does, and all of it."""
        self.sealing = Sealing(bytes(32), STORE_ID) if is_sealed else None
        self.source = random.Random(seed)
        self.folder = folder
        self.server = Server()
        self.versions: dict[bytes, Made] = {}
        self.contents = [b"content %d of %d" % (number, seed) * 9 for number in range(24)]
        self.blocks = [random.Random(f"{seed} {number}").randbytes(900) for number in range(60)]
        """Of what large files are made."""
        self.shared: dict[str, tuple[Commit, ...]] = {}
        """Branches at the Git remote, the tip last."""
        self.purged: set[bytes] = set()
        """Objects that somebody removed for good."""
        self.trouble = self.source.choice((0.0, 0.004, 0.02))
        self.is_calm = False
        self.log: list[str] = []
        self.weights = _PAST if is_past else _WEIGHTS
        self.clients = [Client(self, number) for number in range(self.source.choice((2, 2, 3)))]
        for client in self.clients if is_past else ():
            client.policy, client.least = (TIPS, 1) if seed % 2 else (ALL, 1)
            if client is self.clients[0] and not seed % 2:
                client.policy, client.least = TIPS, 0
            client.say_policy()

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
            client.branches.clear()
            client.recent.clear()
            client.relied.clear()
        for _ in range(6):
            self.server.now += 8 * 24 * HOUR_S
            for client in self.clients:
                client.begin("collect at the remote")
                while client.is_busy:
                    client.step()
        left = [key for key in self.server.held if key.startswith(("packs/", "objects/"))]
        place = self.place(lambda: "done", self.folder)
        left += [one.key for one in read_tombstones(place) if one.tombstone.kind != "purged"]
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
            self._look_at_policies(known, place)
            for name, commits in self.shared.items():
                self._need(known, commits[-1].root, f"branch {name} of the Git remote names it")
            for client in self.clients:
                client.delivered &= client.needed()  # whoever makes it again has to push it again
                client.remembered &= client.named()
                for root in client.delivered:
                    self._need(known, root, f"{client.name} pushed it, and needs it")
                for root in client.remembered - client.here if client.least else ():
                    self._need(known, root, f"{client.name} only gave it up in the past, and had no other copy")
        for client in self.clients:
            client.look()

    def _look_at_policies(self, known: Known, place: Place) -> None:
        """What a clone said that it keeps of the past, and was there then, no other one gives up."""
        said = read_holders(place).policies()
        for client in self.clients:
            if client.writer not in said:
                client.relied.clear()
                continue
            kept = self.kept(self.shared, said[client.writer])
            client.relied &= kept
            for root in client.relied:
                self._need(known, root, f"{client.name} said that it keeps `{said[client.writer]}`")
            client.relied |= {root for root in kept - client.relied if self._is_there(known, root)}

    def share(self, branches: Mapping[str, tuple[Commit, ...]]) -> None:
        """Move these branches at the Git remote."""
        self.shared |= branches
        self._forget_unshared()

    def unshare(self, branch: str) -> None:
        """Delete a branch at the Git remote."""
        self.shared.pop(branch, None)
        self._forget_unshared()

    def _forget_unshared(self) -> None:
        named = self.kept(self.shared, ALL)
        for client in self.clients:
            client.relied &= named

    def kept(self, branches: Mapping[str, tuple[Commit, ...]], policy: Policy) -> set[bytes]:
        """The versions of these histories that a policy keeps: tips in any case."""
        found = {commits[-1].root for commits in branches.values()}
        after_s = self.server.now - policy.newer_days * DAY_S if policy.newer_days else float("inf")
        for commits in branches.values():
            if policy.is_all:
                found |= {one.root for one in commits}
            for before, one in zip((None, *commits), commits, strict=False):
                if one.made_s > after_s:
                    found |= {one.root} | ({before.root} if before is not None else set())
            different = list(dict.fromkeys(one.root for one in reversed(commits)))
            found |= set(different[: policy.last])
        return found

    def _is_there(self, known: Known, root: bytes) -> bool:
        return self.purged.isdisjoint(self.versions[root].objects) and all(
            any(content == self._content(known, held) for held in known.locate([digest]).get(digest, ()))
            for digest, content in self.versions[root].objects.items()
        )

    def _need(self, known: Known, root: bytes, why: str) -> None:
        objects = self.versions[bytes(root)].objects
        if not self.purged.isdisjoint(objects):
            return
        for digest, content in objects.items():
            found = [self._content(known, held) for held in known.locate([digest]).get(digest, ())]
            assert content in found, f"{digest.hex()[:8]} below {root.hex()[:8]} is not at the remote, though {why}"

    def _content(self, known: Known, held: Held) -> bytes | None:
        place = self.place(lambda: "done", self.folder)
        try:
            if held.form == RECIPE:
                recipe = load_chunked(place, held)
                missing = {pack.digest for pack in recipe.packs} - known.has_packs(pack.digest for pack in recipe.packs)
                assert not missing, "the index names a recipe, and not the packs that it needs"
                return read_chunked_part(place, recipe, 0, recipe.length, lambda _: None)
            data = place.get(object_key(held.digest) if held.pack is None else pack_key(held.pack))
        except (NoSuchKey, MissingObject):
            return None
        if held.pack is None:
            return data
        assert held.form == RAW  # of what is so small
        return data[held.offset : held.offset + held.length]

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
        self.policy = world.source.choice(POLICIES)
        self.least = world.source.choice((1, 1, 0))
        """How many other copies there have to be before it gives up the last one of a version of the past."""
        self.branches: dict[str, tuple[Commit, ...]] = {}
        """The history of each branch, the tip last."""
        self.recent: set[bytes] = set()
        """What its reflog still names."""
        self.larges: list[list[bytes]] = []
        """The large files that it made, in blocks."""
        self.here: set[bytes] = set()
        """Versions that are whole in its store."""
        self.delivered: set[bytes] = set()
        """Versions of which a push said that they are at the remote."""
        self.remembered: set[bytes] = set()
        """The same, also where its policy passes over them by now."""
        self.relied: set[bytes] = set()
        """Versions in the history of the Git remote that were at the remote, and that it said there that it keeps."""
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
        self._what = what or self.world.source.choices(list(_DEEDS), [self.world.weights[one] for one in _DEEDS])[0]
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

    @property
    def refs(self) -> dict[str, bytes]:
        """What each branch names now."""
        return {branch: commits[-1].root for branch, commits in self.branches.items()}

    def named(self) -> set[bytes]:
        """The versions that its history names."""
        return self.kept(ALL)

    def needed(self) -> set[bytes]:
        """Those of them that its policy keeps."""
        return self.kept(self.policy)

    def kept(self, policy: Policy) -> set[bytes]:
        """Those of them that a policy keeps: tips and the reflog in any case."""
        return self.world.kept(self.branches, policy) | self.recent

    def look(self) -> None:
        """What its history names and it had is still in its store."""
        for root in self.here & self.named():
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
                self._remote = stack.enter_context(Remote("origin", place, Known(folder / "known.db"), DESCRIPTION))
                self._remote.keep = self.policy
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
        self._keep(made)
        self._set(self.world.source.choice(BRANCHES), bytes(made.root))

    def _keep(self, made: Made) -> None:
        self.world.versions[bytes(made.root)] = made
        with self._store.writer() as writer:
            for content in made.objects.values():
                writer.add_content(content)
            writer.commit()
        self.here.add(bytes(made.root))

    def _make(self) -> Made:
        source = self.world.source
        chosen = sorted(source.sample(range(len(self.world.contents)), source.randint(1, 6)))
        files = {b"%02d" % number: self.world.contents[number] for number in chosen}
        if source.random() < 0.5:
            files[b"large"] = self._make_large()
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

    def _make_large(self) -> bytes:
        """A large file, often one that begins as another does and goes on otherwise."""
        source, larges = self.world.source, self.larges
        shared = larges[-1][: source.randint(1, 3)] if larges and source.random() < 0.8 else []
        larges.append([*shared, *source.sample(self.world.blocks, source.randint(3, 6))])
        return b"".join(larges[-1])

    def _set(self, branch: str, root: bytes) -> None:
        """A new commit, or an amended one."""
        before = self.branches.get(branch, ())
        if before:
            self.recent.add(before[-1].root)
        if self.world.source.random() < 0.4:
            before = before[:-1]
        self.branches[branch] = (*before, Commit(self.world.server.now + self.skew_s, root))

    def say_policy(self) -> None:
        """Have the next push or collection say what is kept."""
        self._remote.keep = self.policy

    def rethink(self) -> None:
        """Keep more or less of the past from now on; the next push or collection says so."""
        self.policy = self.world.source.choice(POLICIES)
        self.say_policy()
        self.relied &= self.world.kept(self.world.shared, self.policy)

    def push(self) -> None:
        """Send what some branches need, then move them at the Git remote."""
        source = self.world.source
        pushed = self._push([branch for branch in sorted(self.refs) if source.random() < 0.7])
        if source.random() < 0.5:
            self.world.share(pushed)

    def _push(self, branches: Sequence[str]) -> dict[str, tuple[Commit, ...]]:
        """Send what these branches need; those of which all is there."""
        asked = {branch: self.branches[branch] for branch in branches}
        self._remote.refresh()
        versions = [
            Version(branch.encode(), self.world.versions[commits[-1].root].pointer, (f"refs/heads/{branch}",))
            for branch, commits in asked.items()
        ]
        claimed = claim(self._remote, versions, self.writer, patience_s=10.0)
        planned = plan(self._store, self._remote, versions)
        send_planned(self._store, self._remote, planned, claimed)
        whole = {version.path.decode() for version in (*planned.versions, *planned.present)}
        self._has_delivered({commits[-1].root for branch, commits in asked.items() if branch in whole})
        return {branch: commits for branch, commits in asked.items() if branch in whole}

    def publish(self) -> None:
        """Go on with a branch of the Git remote, and push it there: its past grows."""
        self.branches["main"] = self.world.shared.get("main", ())
        made = self._make()
        self._keep(made)
        self.branches["main"] += (Commit(self.world.server.now + self.skew_s, bytes(made.root)),)
        self.world.share(self._push(["main"]))

    def _has_delivered(self, roots: set[bytes]) -> None:
        self.delivered |= roots
        self.remembered |= roots

    def pull(self) -> None:
        """Take over a branch of the Git remote, with its data."""
        for branch, commits in sorted(self.world.shared.items()):
            if self.world.source.random() < 0.6:
                root = commits[-1].root
                self._remote.refresh()
                fetched = self._remote.fetch(self._store, self.world.versions[root].objects)
                if fetched.missing or fetched.damaged:
                    raise MissingObject(f"{root.hex()[:8]} is not whole at the remote")
                if branch in self.branches:
                    self.recent.add(self.branches[branch][-1].root)
                self.branches[branch] = commits
                self.here.add(root)

    def go_back(self) -> None:
        """A branch names again what it named before."""
        if self.recent and self.refs:
            self._set(self.world.source.choice(sorted(self.refs)), self.world.source.choice(sorted(self.recent)))

    def forget(self) -> None:
        """Delete a branch here, perhaps at the Git remote too, and perhaps what the reflog names."""
        source = self.world.source
        if self.branches:
            branch = source.choice(sorted(self.branches))
            self.recent.add(self.branches.pop(branch)[-1].root)
            if source.random() < 0.7:
                self.world.unshare(branch)
        if source.random() < 0.7:
            self.recent.clear()
        self.delivered &= self.needed()

    def _mark(self, marks: Marks, roots: set[bytes]) -> None:
        marks.add_roots(
            Root(root, self.world.versions[root].is_directory, root in self.here, "a ref") for root in roots
        )

    def _without_purged(self, roots: set[bytes]) -> set[bytes]:
        """Those of which nothing was purged: of the others nobody misses anything."""
        purged = self.world.purged
        return {root for root in roots if purged.isdisjoint(self.world.versions[root].objects)}

    def collect_here(self) -> None:
        """Take what is not needed out of the local store, for good; of the past what the remote verifiably has."""
        self._find_here()
        passed = self.named() - self.needed() if self.least else set[bytes]()
        candidates = {digest for root in passed & self.here for digest in self.world.versions[root].objects}
        held: set[bytes] = set()
        if candidates:
            self._remote.refresh()
            relying = {"refs/heads/past": tuple(map(Digest, sorted(passed & self.here)))}
            there = held_there(self._remote, candidates, relying, writer=self.writer, patience_s=10.0)
            held = there.held
            for root in there.unsaid:
                held -= self.world.versions[root].objects.keys()
        with Marks() as marks:
            self._mark(marks, self.needed())
            descend(self._store, marks)
            marks.keep(candidates - held)
            found = look(self._store, marks, float("inf"))
            rewritten = rewrite(self._store, marks, found)
            take(self._store, marks, found, rewritten, self.world.server.now + self.skew_s)
            self._store.trash().empty(float("inf"))
            self.here = {root for root in self.here & self.named() if self._is_here(root)}

    def _is_here(self, root: bytes) -> bool:
        return not self._store.absent(self.world.versions[root].objects)

    def _find_here(self) -> None:
        """A version may be whole in its store by what other versions are made of; then that is a copy, too."""
        self.here |= {root for root in self.named() if self._is_here(root)}

    def let_go(self) -> None:
        """Have only the remote's copy of some of what it needs, as with a budget."""
        source = self.world.source
        self._find_here()
        roots = [root for root in sorted(self.here & self.named()) if source.random() < 0.6]
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
        for root in (self.here & self.named()) - whole:
            going -= self.world.versions[root].objects.keys()
        marks = Going(going)
        found = look(self._store, marks, float("inf"))
        take(self._store, marks, found, rewrite(self._store, marks, found), self.world.server.now + self.skew_s)
        self._store.trash().empty(float("inf"))
        named = self.named()  # of what no history names now, what it shared may be gone; one may name it again later
        self.here = {root for root in self.here - whole if root in named or self._is_here(root)}
        self._has_delivered(whole)

    def collect_there(self) -> None:
        """Collect at the remote, as `track gc --remote` does, with every branch of the Git remote fetched."""
        self._find_here()
        self._remote.refresh()
        remote, least = self._remote, self.least
        given_up: set[bytes] = set()

        def viewing(marks: Marks, elsewhere: ReadNodes, others: Mapping[str, Policy]) -> View:
            policy = widest((self.policy, *others.values()))
            kept = self.kept(policy) | self.world.kept(self.world.shared, policy)
            given_up.update(self.named() - kept)
            self._mark(marks, kept)
            descend(self._store, marks, elsewhere=elsewhere)
            lost = tuple(marks.lost())
            passed = {root: self.world.versions[root].is_directory for root in sorted(given_up - kept)}
            if least:
                hold_back(self._store, remote, marks, passed, least, count=lambda _: {}, read=elsewhere)
            return View(lost)

        with Marks() as marks:
            collecting = Collecting(remote, self._store, writer=self.writer, patience_s=20.0)
            outcome = collecting.run(marks, viewing)
            gone = frozenset(given_up - marks.kept(sorted(given_up)))
        assert not outcome.lost, f"nobody knows what is below {outcome.lost}"
        say_kept(remote.place, self.writer, self.policy, gone)
        self.world.log.append(f"{self.name}: {outcome.deleted}")

    def purge(self) -> None:
        """Remove a version for good, but for what others are made of: in its history, and in what others pushed."""
        choice = sorted(self._without_purged(self.named() & self.here))
        if not choice:
            return
        root = self.world.source.choice(choice)
        self._remote.refresh()
        objects = set(self.world.versions[root].objects)
        objects -= self._needed_beside(root, objects)
        if not objects:
            return

        def refuse_needed() -> tuple[bytes, ...]:
            if self._needed_beside(root, objects):
                raise Conflict("another version is made of the same")
            self.world.purged |= objects  # from the moment that it begins nobody may count on them
            return ()

        purge = Purge("2026-11-28", self.name, "the schedule says so", (root.hex(),))
        place = self._remote.place
        purge_there(
            place, self._remote.known, self._store, frozenset(objects), purge, writer=self.writer,
            is_whole=lambda claim: is_whole(self._remote, self._store, claim), look_again=refuse_needed,
            patience_s=20.0, remote="origin",
        )  # fmt: skip
        known = together(read_tombstones(place)).purged
        note_purged(self._store.rooms, {one: known[one] for one in objects if one in known}, self.writer)
        purge_here(self._store, frozenset(objects), timeout_s=10.0)
        self.here = {each for each in self.here if self._is_here(each)}

    def _needed_beside(self, root: bytes, objects: set[bytes]) -> set[bytes]:
        """Those of the objects that any other version needs, as far as this client can know."""
        with Marks() as marks:
            others = self.named() | {one.root for commits in self.world.shared.values() for one in commits}
            for other in self._without_purged(others - {root}):
                marks.keep(self.world.versions[other].objects)
            mark_needed_there(self._remote, self._store, marks, but=self.writer, without=[root])
            return marks.kept(sorted(objects))

    def collect_daily(self) -> None:
        """Collect at the remote on some days, whatever others do meanwhile."""
        for _ in range(3):
            self.collect_there()
            self.pause(25 * HOUR_S)

    def edit_daily(self) -> None:
        """Edit a large file on some days, each time in place of what was there, push it and collect at the remote."""
        for _ in range(3):
            content = self._make_large()
            made = Made("file", digest_of(content), {bytes(digest_of(content)): content})
            self._keep(made)
            self.branches["try"] = (Commit(self.world.server.now + self.skew_s, bytes(made.root)),)
            self.recent.clear()
            self.push()
            self.pause(25 * HOUR_S)
            self.collect_there()

    def sleep(self) -> None:
        """Some hours pass."""
        self.world.server.now += self.world.source.choice((2, 12, 25, 50)) * HOUR_S


_DEEDS: dict[str, Callable[[Client], None]] = {
    "add": Client.add,
    "push": Client.push,
    "pull": Client.pull,
    "publish": Client.publish,
    "go back": Client.go_back,
    "forget": Client.forget,
    "collect here": Client.collect_here,
    "let go": Client.let_go,
    "collect at the remote": Client.collect_there,
    "collect daily": Client.collect_daily,
    "edit daily": Client.edit_daily,
    "sleep": Client.sleep,
    "rethink": Client.rethink,
    "purge": Client.purge,
}
_WEIGHTS = {
    "add": 6,
    "push": 8,
    "pull": 3,
    "publish": 0,
    "go back": 2,
    "forget": 5,
    "collect here": 1,
    "let go": 3,
    "collect at the remote": 3,
    "collect daily": 3,
    "edit daily": 2,
    "sleep": 4,
    "rethink": 1,
    "purge": 1,
}


_PAST = dict.fromkeys(_WEIGHTS, 0) | {"publish": 6, "push": 2, "pull": 2, "collect daily": 3, "sleep": 1, "let go": 2}
"""Of a world in which the past of branches grows and is collected."""


def failures(error: BaseException) -> Iterator[str]:
    """What a failed schedule says."""
    yield f"{type(error).__name__}: {error}"
    if isinstance(error, TrackError) and error.details:
        yield from error.details
