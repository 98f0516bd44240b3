"""Reading an output of DVC's: each of its files is found where DVC has it, proven by its MD5, and put in the store."""

import os
import stat
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject, TrackError, UnsavedWork
from track.flows.adopting import Adopted, Adopter
from track.flows.dvc_found import Declared
from track.flows.dvc_places import Settings, opened, ordered_remotes, settings_of
from track.flows.dvc_remotes import Shelf, Wanted, shelf_named, shelves_of
from track.model import dvc
from track.model.digest import Digest, digest_of
from track.model.dvc import Hashing, Identity, Member
from track.model.manifest import Entry
from track.model.names import display, typed
from track.progress import Progress, silent
from track.project import Project
from track.publish import remove
from track.worktree.found import mode_of
from track.worktree.reading import stat_of, trouble

_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_NAMED = 5
_LISTING_LIMIT = 1 << 30


class Content(NamedTuple):
    """What an output holds, in the store now. `entries` are sorted and relative to it, of a file the one with an empty
    path; those in `links` are links to DVC's own folder in the working tree. `is_here` says that anything is there.
    """

    kind: str
    entries: list[Entry]
    links: tuple[bytes, ...]
    is_here: bool


class Here(NamedTuple):
    """What stands at an output's place: files and links by their path relative to it, and empty folders."""

    kind: str
    files: dict[bytes, os.stat_result]
    folders: tuple[bytes, ...]


class _Proof:
    """That bytes have an MD5 of DVC's."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._hashing = Hashing()
        self.update = self._hashing.update

    def holds(self) -> bool:
        return self._hashing.is_of(self._identity)


class Reader:
    """Reads the outputs of one import; DVC's folders are only read."""

    def __init__(
        self,
        project: Project,
        adopter: Adopter,
        progress: Progress = silent,
        *,
        places: Sequence[str] = (),
        fetch: bool = False,
    ) -> None:
        """With an adopter that is open. What is not here is looked for at `places`, with `fetch` at DVC's remotes."""
        self._project = project
        self._places = [shelf_named(project, url) for url in places]
        self._fetch = fetch
        self._shelves: dict[bytes, list[Shelf]] = {}
        self._untold: dict[bytes, tuple[str, ...]] = {}
        self._adopter = adopter
        self._progress = progress
        self._settings: dict[bytes, Settings] = {}
        self._known: dict[Identity, Adopted] = {}
        """What came out of DVC's own places already."""

    def settings(self, home: bytes) -> Settings:
        """What DVC's configuration says in a repository of its."""
        if home not in self._settings:
            self._settings[home] = settings_of(self._project.root / os.fsdecode(home))
        return self._settings[home]

    def shelves(self, home: bytes) -> list[Shelf]:
        """The places beyond this machine's own folder where a repository of DVC's has objects."""
        if home not in self._shelves:
            settings = self.settings(home)
            named, refused = shelves_of(self._project, ordered_remotes(settings) if self._fetch else ())
            self._shelves[home] = [*self._places, *named]
            self._untold[home] = tuple(line for error in refused for line in (error.message, error.hint or "") if line)
        return self._shelves[home]

    def read(self, declared: Declared, *, is_here: bool = True) -> Content:
        """Put all that an output is made of into the store; not `is_here`, what is in the working tree is no matter.

        Raises:
            MissingObject: some of its objects are nowhere; `details` name their files.
            DamagedObject: what has the name of one of its objects is something else.
            UnsavedWork: its working copy differs from what DVC knows.
            MalformedContent: its list of files is none.
            Unreadable, DiskFull, StoreUnwritable: it cannot be read, or kept.
        """
        here = here_at(self._project, declared.path) if is_here else Here("missing", {}, ())
        members = self._members(declared)
        if here.kind != "missing":
            self._refuse_extra(declared, here, members)
        size = sum(found.st_size for found in here.files.values())
        self._progress.begin(f"importing {display(declared.path)}", count=len(members), size_bytes=size)
        try:
            entries, links = self._entries(declared, here, members)
        finally:
            self._progress.end()
        if declared.output.is_directory:
            entries += [Entry(path, "d", 0, digest_of(b"")) for path in here.folders]
        kind = "directory" if declared.output.is_directory else "file"
        return Content(kind, sorted(entries), links, here.kind != "missing")

    def _members(self, declared: Declared) -> Sequence[Member]:
        output = declared.output
        if output.listed is not None:
            return output.listed
        assert output.identity is not None
        if not output.is_directory:
            return (Member(b"", output.identity),)
        name = f"the list of {display(declared.path)}"
        is_damaged = False
        for fd in self._objects(declared, output.identity, is_directory=True):
            with os.fdopen(os.dup(fd), "rb") as file:
                data = file.read(_LISTING_LIMIT)
            if dvc.is_of(data, output.identity):
                return dvc.parse_listing(data, output.identity, name)
            is_damaged = True
        for data in self._listings_elsewhere(declared, output.identity):
            if dvc.is_of(data, output.identity):
                return dvc.parse_listing(data, output.identity, name)
            is_damaged = True
        raise self._lacking(declared, [(b"", output.identity)], is_damaged=is_damaged)

    def _listings_elsewhere(self, declared: Declared, identity: Identity) -> Iterator[bytes]:
        for shelf in self.shelves(declared.home):
            for _, staged in shelf.bring([Wanted(identity, True)], self._adopter.staging):
                try:
                    yield staged.path.read_bytes()
                finally:
                    remove(staged.path)

    def _entries(
        self, declared: Declared, here: Here, members: Sequence[Member]
    ) -> tuple[list[Entry], tuple[bytes, ...]]:
        taken: dict[bytes, Adopted] = {}
        lacking: dict[Member, bool] = {}
        changed: list[bytes] = []
        for member in members:
            found = here.files.get(member.path)
            if found is not None and not stat.S_ISLNK(found.st_mode):
                adopted = None if not stat.S_ISREG(found.st_mode) else self._from_here(declared, member)
                if adopted is None:
                    changed.append(member.path)
                    continue
            elif found is not None and not self._is_dvcs(declared, member):
                changed.append(member.path)
                continue
            else:
                adopted, lacking[member] = self._from_dvc(declared, member)
            if adopted is not None:
                lacking.pop(member, None)
                taken[member.path] = adopted
        if changed:
            raise _changed(declared, changed)
        self._from_elsewhere(declared, lacking, taken)
        for is_damaged in (True, False):
            if still := [(member.path, member.identity) for member, bad in lacking.items() if bad == is_damaged]:
                raise self._lacking(declared, still, is_damaged=is_damaged)
        links = [path for path in taken if path in here.files and stat.S_ISLNK(here.files[path].st_mode)]
        return [self._entry(declared, here, path, taken[path]) for path in taken], tuple(links)

    def _entry(self, declared: Declared, here: Here, path: bytes, adopted: Adopted) -> Entry:
        found = here.files.get(path)
        is_file = found is not None and not stat.S_ISLNK(found.st_mode)
        mode = mode_of(stat_of(found)) if found is not None and is_file else "f"
        return Entry(path, "x" if declared.output.executable and not path else mode, adopted.size, adopted.digest)

    def _from_elsewhere(self, declared: Declared, lacking: dict[Member, bool], taken: dict[bytes, Adopted]) -> None:
        """Bring from the other places what is `lacking` here, one place after the other; what came is `taken`."""
        if not lacking:
            return
        for shelf in self.shelves(declared.home):
            wanted = list(lacking)
            asked = [Wanted(member.identity, False) for member in wanted]
            for number, staged in shelf.bring(asked, self._adopter.staging):
                member = wanted[number]
                if member not in lacking:
                    remove(staged.path)
                    continue
                found = Adopted(staged.digest, staged.size)
                adopted = self._adopter.adopt_staged(staged.path, found, partial(_Proof, member.identity))
                if adopted is None:
                    lacking[member] = True
                else:
                    taken[member.path] = self._known[member.identity] = adopted
                    del lacking[member]

    def _from_here(self, declared: Declared, member: Member) -> Adopted | None:
        path = declared.path + b"/" + member.path if member.path else declared.path
        with self._project.gate.parent(path) as (folder, name):
            try:
                fd = os.open(name, _READ, dir_fd=folder)
            except OSError as error:
                raise trouble(path, error) from error
            try:
                return self._adopter.adopt(fd, lambda: _Proof(member.identity))
            finally:
                os.close(fd)

    def _is_dvcs(self, declared: Declared, member: Member) -> bool:
        """Whether a link at a file's place leads to DVC's objects, as where `cache.type` is symlink."""
        path = os.path.join(os.fsencode(self._project.root), declared.path, *filter(None, [member.path]))
        objects = os.path.realpath(os.fsencode(self.settings(declared.home).objects))
        return os.path.realpath(path).startswith(objects + b"/")

    def _from_dvc(self, declared: Declared, member: Member) -> tuple[Adopted | None, bool]:
        """What DVC has of a file; and where it is None, whether something else had its name."""
        if (known := self._known.get(member.identity)) is not None:
            return known, False
        is_damaged = False
        for fd in self._objects(declared, member.identity, is_directory=False):
            taken = self._adopter.adopt(fd, lambda: _Proof(member.identity))
            if taken is not None:
                self._known[member.identity] = taken
                return taken, False
            is_damaged = True
        return None, is_damaged

    def _objects(self, declared: Declared, identity: Identity, *, is_directory: bool) -> Iterator[int]:
        yield from opened(self.settings(declared.home).objects, identity, is_directory=is_directory)

    def _refuse_extra(self, declared: Declared, here: Here, members: Sequence[Member]) -> None:
        """Refuse a working copy that has other names than DVC knows."""
        names = {member.path for member in members}
        if extra := sorted(here.files.keys() - names):
            raise _changed(declared, extra, "of which DVC does not know")
        if gone := sorted(names - here.files.keys()):
            raise _changed(declared, gone, "gone")

    def _lacking(self, declared: Declared, files: Sequence[tuple[bytes, Identity]], *, is_damaged: bool) -> TrackError:
        shown = display(declared.path)
        lines = tuple(f"{identity.md5}  {display(path) or shown}" for path, identity in files[:_NAMED])
        more = (f"and {len(files) - _NAMED:,} more",) if len(files) > _NAMED else ()
        count = "1 object" if len(files) == 1 else f"{len(files):,} objects"
        fetch = f"dvc fetch {typed(declared.file)}"
        more = (*more, *self._untold.get(declared.home, ()))
        if is_damaged:
            return DamagedObject(
                f"{shown}: {count} of DVC's not what the name says",
                hint=f"remove what is damaged, bring it again, and repeat: {fetch}",
                details=lines + more,
            )
        return MissingObject(
            f"{shown}: {count} of DVC's not here",
            hint=f"bring them first: {fetch}"
            + ("" if self._fetch else "\nor read DVC's remotes in place: track import-dvc --fetch"),
            details=lines + more,
        )


def summed(adopter: Adopter, content: Content) -> tuple[Digest, tuple[int, int]]:
    """The digest of what was read, and its bytes and files."""
    if content.kind == "file":
        (entry,) = content.entries
        return Digest(entry.digest), (entry.size, 1)
    root = adopter.adopt_tree(content.entries)
    return Digest(root.digest), (root.size, root.files)


def here_at(project: Project, path: bytes) -> Here:
    """What stands at `path` in the working tree; nothing is opened, and no link followed."""
    files: dict[bytes, os.stat_result] = {}
    empty: list[bytes] = []
    try:
        with project.gate.parent(path) as (fd, name):
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return Here("missing", {}, ())
    if not stat.S_ISDIR(found.st_mode):
        return Here("file", {b"": found}, ())
    waiting = [b""]
    while waiting:
        inner = waiting.pop()
        with project.gate.directory(path + b"/" + inner if inner else path) as fd:
            names = [os.fsencode(name) for name in os.listdir(fd)]
            for name in names:
                whole = inner + b"/" + name if inner else name
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(whole)
                else:
                    files[whole] = status
        if not names and inner:
            empty.append(inner)
    return Here("directory", files, tuple(sorted(empty)))


def _changed(declared: Declared, files: Sequence[bytes], how: str = "changed") -> UnsavedWork:
    shown = [display(declared.path + b"/" + path if path else declared.path) for path in files[:_NAMED]]
    count = "1 file is" if len(files) == 1 else f"{len(files):,} files are"
    more = (f"and {len(files) - _NAMED:,} more",) if len(files) > _NAMED else ()
    return UnsavedWork(
        f"{display(declared.path)} differs from what DVC has of it: {count} {how}",
        hint=f"keep that with `dvc commit {typed(declared.file)}`, or take it back with "
        f"`dvc checkout {typed(declared.file)}`; what .dvcignore leaves out, .trackignore has to name too",
        details=(*shown, *more),
    )
