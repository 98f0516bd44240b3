"""Repairing a remote: from the local store, from working trees, and from every other remote."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject, UnknownRevision
from track.flows.findings import Findings
from track.flows.hurt import hurt_versions
from track.flows.reach import UNBELIEVABLE, Version, every_ref, name_losses, objects_below, versions
from track.flows.recorded import versions_of
from track.flows.remote_below import look_below
from track.flows.remotes import choose, clone_id, connected, shares_runs
from track.flows.run_mending import mend_runs
from track.flows.salvage import Salvage
from track.flows.store_repair import Mended, Repair
from track.model.digest import Digest
from track.progress import Progress, silent
from track.project import Project
from track.store import mending
from track.store.checking import Checked, Problem
from track.store.chunking import chunker_of
from track.store.layout import INDEX, object_digest, pack_digest, pack_key, roots_name, segment_name
from track.store.needing import note_bad_chunks
from track.store.purged import purged_in
from track.store.remote import Remote
from track.store.roots import RootsEntry, dump_roots
from track.store.tombstones import read_tombstones, together

_LOCAL = "the local store"
_SELF = "what the remote itself still has"


def repair_remote(project: Project, name: str, *, dry_run: bool, progress: Progress = silent) -> Repair:
    """Read everything at a remote, and put right what is bad there, or missing; the bad ones go into its quarantine.

    Raises:
        NoRemote, RemoteError: it is not known, not there, not a store, or may not be used.
        Locked: another push of this clone, or a collection there, takes too long.
    """
    salvage = Salvage(project, dry_run=dry_run, progress=progress)
    named = choose(project, name)
    with connected(project, named, sending=not dry_run) as remote:
        others = versions_of(project, every_ref(project), set())
        look_below(project, remote, {}, Findings(), reads=True, others=others)  # what no index there names, it sends
        checked = remote.verify(progress=progress)
        wanted = {digest for problem in checked.problems for digest in problem.lost}
        local = mending.sound_in(project.store, wanted)
        if not dry_run:
            _put_aside(project, wanted - local)
        salvage.from_working_trees(wanted - local)
        salvage.from_remotes(wanted - local, but=name)
        case = _Case(project, checked, salvage, local, _versions(project))
        if dry_run:
            planned = _planned(case)
            return mend_runs(project, remote, planned, dry_run=True) if shares_runs(named) else planned
        done = mend_runs(project, remote, _Mending(case, remote, progress).run(), dry_run=False)
        remote.publish_again()
        return done


def _put_aside(project: Project, unsound: set[bytes]) -> None:
    """Have the local store no longer say that it has what turned out to be bad there, too."""
    for digest in unsound - project.store.absent(unsound):
        with suppress(MissingObject, DamagedObject):
            project.store.read(digest)


def _versions(project: Project) -> list[Version]:
    with suppress(UnknownRevision):
        return [one for one in versions(project, every_ref(project)).versions if one.pointer.kind != "value"]
    return []


class _Case(NamedTuple):
    """What was found, and where right copies of it are; `local` are those in the local store."""

    project: Project
    checked: Checked
    salvage: Salvage
    local: set[bytes]
    versions: Sequence[Version]


def _planned(case: _Case) -> Repair:
    """What a repair would do, as far as it can be told without doing it."""
    had = dict.fromkeys(case.local, _LOCAL) | case.salvage.found
    lost = {digest for problem in case.checked.problems for digest in problem.digests} - had.keys()
    return _result(case, [_mended(problem, had, lost, "") for problem in case.checked.problems], lost)


def _mended(problem: Problem, had: dict[bytes, str], lost: set[bytes], aside: str | None) -> Mended:
    counts: dict[str, int] = {}
    for digest in problem.lost:
        where = had.get(digest, "") if digest not in lost else ""
        if where:
            counts[where] = counts.get(where, 0) + 1
    what = f"{problem.what}; now {aside}" if aside else problem.what
    return Mended(problem.key, what, tuple(counts.items()), sum(digest in lost for digest in problem.digests))


def _result(case: _Case, mended: Sequence[Mended], lost: set[bytes]) -> Repair:
    missing = {digest for problem in case.checked.problems if problem.what == "missing" for digest in problem.digests}
    return Repair(
        tuple(mended),
        sum(one.lost_count == 0 for one in mended),
        frozenset(lost - missing),
        frozenset(lost & missing),
        _names(case, lost),
        tuple(case.salvage.unasked),
    )


def _names(case: _Case, lost: set[bytes]) -> tuple[str, ...]:
    """The files that need what is lost, a line each, of older versions where no other needs it."""
    older = hurt_versions(case.project, lost)
    at_refs = {bytes(one.pointer.digest) for one in case.versions}
    old = [one for one in older if bytes(one.pointer.digest) not in at_refs]
    rest = lost - {one.digest for one in old}
    told = name_losses(case.versions, rest, case.project.store.read, most=20) if rest else ()
    return (*told, *(one.line for one in old[:20]))


def _by_ref(found: Iterable[Version]) -> dict[str, tuple[Digest, ...]]:
    refs: dict[str, set[Digest]] = {}
    for version in found:
        for ref in version.refs:
            refs.setdefault(ref, set()).add(version.pointer.digest)
    return {ref: tuple(sorted(digests)) for ref, digests in sorted(refs.items())}


class _Mending:
    """One repair of a remote under way."""

    def __init__(self, case: _Case, remote: Remote, progress: Progress) -> None:
        self._case, self._remote, self._progress = case, remote, progress
        self._project, self._salvage, self._found = case.project, case.salvage, case.versions
        self._had = dict.fromkeys(case.local, _LOCAL) | case.salvage.found
        self._writer = clone_id(case.project)
        self._purged = (
            together(read_tombstones(remote.place)).purged.keys() | purged_in(case.project.store.rooms).keys()
        )
        self._left = list(case.checked.unneeded)
        """The packs that could not be put right where they are, or that nobody knew to be needed."""

    def run(self) -> Repair:
        """Mend file by file, then the index, then what says what is complete."""
        checked = self._case.checked
        roots = [problem.key for problem in checked.problems if roots_name(problem.key) is not None]
        said = {key: self._remote.known.roots_in(key) for key in roots}
        aside = {problem.key: self._mend(problem) for problem in checked.problems}
        self._mend_index([problem.key for problem in checked.problems if segment_name(problem.key) is not None])
        self._note_left()
        self._send_the_rest(checked)
        if self._note_left():  # by recipes that are there again only now
            self._send_the_rest(checked)
        untold = {key for key in roots if not self._mend_roots(key, said[key])}
        lost = self._lost()
        mended = [_mended(problem, self._had, lost, aside[problem.key]) for problem in checked.problems]
        mended = [one._replace(lost_count=1) if one.place in untold else one for one in mended]
        done = _result(self._case, mended, lost)
        return done._replace(damaged_lost=done.damaged_lost | {key.encode() for key in untold})

    def _mend(self, problem: Problem) -> str | None:
        """Put a pack or an object right where it is, if all of it can be had; where the bad one is now."""
        place, known, store = self._remote.place, self._remote.known, self._project.store
        if problem.key == INDEX.rstrip("/"):  # what no index names any more: no file
            return None
        aside = mending.set_aside(place, store, problem.key)
        with suppress(DamagedObject):  # the local copy is bad too: it is put aside, and another is looked for below
            if (pack := pack_digest(problem.key)) is not None:
                self._bring_from_itself(problem.lost)
                chunker = chunker_of(self._remote.chunking)
                cut = mending.Cut(chunker, problem.digests) if chunker is not None else None
                if not mending.mend_pack(place, known, store, pack, cut):
                    self._left.append(pack)
            elif (digest := object_digest(problem.key)) is not None:
                mending.mend_object(place, known, store, digest)
        return aside

    def _bring_from_itself(self, digests: Sequence[bytes]) -> None:
        """What the remote has elsewhere, such as the object of a recipe, comes from there."""
        absent = self._project.store.absent(digests)
        if absent:
            fetched = self._remote.fetch(self._project.store, absent, progress=self._progress)
            came = absent - fetched.missing - fetched.damaged
            self._had |= dict.fromkeys(came, _SELF)

    def _mend_index(self, bad: Sequence[str]) -> None:
        """Take away segments that are none, and name anew what no segment names."""
        for key in bad:
            self._remote.place.delete(key)
        if bad:
            self._remote.known.forget_index()
            self._remote.refresh()
        mending.index_again(self._remote.place, self._remote.known)

    def _note_left(self) -> bool:
        """Note what needs chunks of the packs that are bad still, though that with its recipe may be right again."""
        place, known = self._remote.place, self._remote.known
        self._left = [pack for pack in self._left if mending.digest_there(place, pack_key(pack)) != pack]
        return any(note_bad_chunks(place, known, self._left).values())

    def _send_the_rest(self, checked: Checked) -> None:
        """Send what could not be put right where it was, in new packs; and say again what is complete."""
        store = self._project.store
        lost = self._lost() | {
            digest for problem in checked.problems for digest in problem.digests
        } & self._remote.absent(digest for problem in checked.problems for digest in problem.digests)
        lost -= self._purged
        self._salvage.from_working_trees(store.absent(lost))
        self._salvage.from_remotes(store.absent(lost), but=self._remote.name)
        self._had |= self._salvage.found
        there = mending.sound_in(store, lost)
        self._had |= dict.fromkeys(there - self._had.keys(), _LOCAL)
        self._send(there)

    def _lost(self) -> set[bytes]:
        """What the remote should have and has not; what was removed for good is not missed there."""
        return (self._remote.known.lost() | self._remote.known.unplaced()) - self._purged

    def _send(self, there: set[bytes]) -> None:
        """Send these, and say of versions that nothing there calls complete, and that are, that they are.

        They are claimed, and then looked at again, as in a push: what a collection deleted meanwhile, or is about to,
        goes there once more where it is here, and a version that has lost some of it is not called complete.
        """
        remote, store = self._remote, self._project.store
        said = remote.known.roots_in()
        unsaid = [version for version in self._found if version.pointer.digest not in said]
        candidates = [version for version, lacking in self._lacking(unsaid) if lacking <= there]
        if not there and not candidates:
            return
        patience_s = self._project.config.seconds("lock.timeout")
        claim = remote.claim(self._writer, _by_ref(candidates), patience_s=patience_s)
        remote.refresh()
        whole: list[Version] = []
        for version, lacking in self._lacking(candidates):
            if lacking - there == (again := mending.sound_in(store, lacking - there)):
                there |= again
                whole.append(version)
        if not there and not whole:
            claim.withdraw()
            return
        roots = _by_ref(whole)
        remote.send(store, there, writer=self._writer, roots=roots, claim=claim, progress=self._progress)

    def _lacking(self, found: Iterable[Version]) -> Iterator[tuple[Version, set[bytes]]]:
        """What the remote lacks of each of these, where what is below it can be told here."""
        for version in found:
            with suppress(MissingObject, DamagedObject, *UNBELIEVABLE):
                yield version, self._remote.absent(objects_below(version, self._project.store.read_many))

    def _mend_roots(self, key: str, said: set[bytes]) -> bool:
        """Write a roots entry again as it was known to be; False when nobody here knows what it said."""
        name = roots_name(key)
        assert name is not None
        place = self._remote.place
        if not said and name.writer != self._writer:
            return False
        if not said:  # this clone's own: what is complete was just said anew
            place.delete(key)
            return True
        refs = {ref: set[Digest]() for version in self._found for ref in version.refs}
        for version in self._found:
            for ref in version.refs:
                refs[ref] |= {version.pointer.digest} & said
        named = {digest for digests in refs.values() for digest in digests}
        refs["repaired"] = {Digest(digest) for digest in said - named}
        entry = RootsEntry(name.writer, True, {ref: tuple(sorted(one)) for ref, one in sorted(refs.items()) if one})
        place.put(key, dump_roots(entry))
        return True
