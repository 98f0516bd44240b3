"""Reading an output of DVC's: each of its files is found where DVC has it, proven by its MD5, and put in the store."""

import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject, TrackError, UnsavedWork
from track.flows.adopting import Adopted, Adopter
from track.flows.dvc_found import Declared
from track.flows.dvc_places import Settings, opened, settings_of
from track.model import dvc
from track.model.digest import digest_of
from track.model.dvc import Hashing, Identity, Member
from track.model.manifest import Entry
from track.model.names import display, typed
from track.progress import Progress, silent
from track.project import Project
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

    def __init__(self, project: Project, adopter: Adopter, progress: Progress = silent) -> None:
        """With an adopter that is open."""
        self._project = project
        self._adopter = adopter
        self._progress = progress
        self._settings: dict[bytes, Settings] = {}

    def settings(self, home: bytes) -> Settings:
        """What DVC's configuration says in a repository of its."""
        if home not in self._settings:
            self._settings[home] = settings_of(self._project.root / os.fsdecode(home))
        return self._settings[home]

    def read(self, declared: Declared) -> Content:
        """Put all that an output is made of into the store.

        Raises:
            MissingObject: some of its objects are nowhere; `details` name their files.
            DamagedObject: what has the name of one of its objects is something else.
            UnsavedWork: its working copy differs from what DVC knows.
            MalformedContent: its list of files is none.
            Unreadable, DiskFull, StoreUnwritable: it cannot be read, or kept.
        """
        here = here_at(self._project, declared.path)
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
        raise self._lacking(declared, [(b"", output.identity)], is_damaged=is_damaged)

    def _entries(
        self, declared: Declared, here: Here, members: Sequence[Member]
    ) -> tuple[list[Entry], tuple[bytes, ...]]:
        entries: list[Entry] = []
        links: list[bytes] = []
        lacking: list[tuple[bytes, Identity]] = []
        damaged: list[tuple[bytes, Identity]] = []
        changed: list[bytes] = []
        for member in members:
            found = here.files.get(member.path)
            is_link = found is not None and stat.S_ISLNK(found.st_mode)
            taken = self._from_here(declared, member) if found is not None and not is_link else None
            if taken is None and found is not None and not (is_link and self._is_dvcs(declared, member)):
                changed.append(member.path)
                continue
            is_damaged = False
            if taken is None:
                taken, is_damaged = self._from_dvc(declared, member)
            if taken is None:
                (damaged if is_damaged else lacking).append((member.path, member.identity))
                continue
            if is_link:
                links.append(member.path)
            mode = mode_of(stat_of(found)) if found is not None and not is_link else "f"
            is_executable = declared.output.executable and not member.path
            entries.append(Entry(member.path, "x" if is_executable else mode, taken.size, taken.digest))
        if changed:
            raise _changed(declared, changed)
        if damaged:
            raise self._lacking(declared, damaged, is_damaged=True)
        if lacking:
            raise self._lacking(declared, lacking, is_damaged=False)
        return entries, tuple(links)

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
        is_damaged = False
        for fd in self._objects(declared, member.identity, is_directory=False):
            taken = self._adopter.adopt(fd, lambda: _Proof(member.identity))
            if taken is not None:
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
        if is_damaged:
            return DamagedObject(
                f"{shown}: {count} of DVC's not what the name says",
                hint=f"remove what is damaged, bring it again, and repeat: {fetch}",
                details=lines + more,
            )
        return MissingObject(
            f"{shown}: {count} of DVC's not here",
            hint=f"bring them first: {fetch}",
            details=lines + more,
        )


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
