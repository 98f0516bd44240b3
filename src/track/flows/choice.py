"""Choice: which files inside artifacts are meant, by patterns in the language of `.trackignore`."""

from collections.abc import Sequence

from track.errors import MissingObject, UnknownPath, UsageError
from track.flows.partly import entries_of
from track.flows.reach import Version, inside
from track.model.names import display, typed
from track.project import Project
from track.worktree.parts import covers
from track.worktree.patterns import Patterns, parse


class Choice:
    """The files that some pattern of `include` matches, or all where there is none, without those of `exclude`.

    A path is relative to its artifact; of a file artifact it is its name. A pattern that matches a folder means all in
    it.
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        """Raises UsageError for a pattern that can match nothing."""
        self.words = (*(f"--include {word}" for word in include), *(f"--exclude {word}" for word in exclude))
        self._include = _patterns("--include", include)
        self._exclude = _patterns("--exclude", exclude)
        self._folders: dict[bytes, tuple[bool, bool]] = {b"": (self._include is None, False)}

    def takes(self, path: bytes) -> bool:
        """Whether the file or link at a path is meant."""
        is_in, is_out = self._of_folder(path.rpartition(b"/")[0])
        if is_out or (self._exclude is not None and self._exclude.leaves_out(path, is_folder=False)):
            return False
        return is_in or (self._include is not None and self._include.leaves_out(path, is_folder=False))

    def _of_folder(self, folder: bytes) -> tuple[bool, bool]:
        """Whether all in a folder is taken by an include, and whether it is left out by an exclude."""
        if (known := self._folders.get(folder)) is not None:
            return known
        is_in, is_out = self._of_folder(folder.rpartition(b"/")[0])
        is_in = is_in or (self._include is not None and self._include.leaves_out(folder, is_folder=True))
        is_out = is_out or (self._exclude is not None and self._exclude.leaves_out(folder, is_folder=True))
        self._folders[folder] = is_in, is_out
        return is_in, is_out


def choice_of(include: Sequence[str], exclude: Sequence[str]) -> Choice | None:
    """The choice that these patterns make; None when there are none. Raises UsageError."""
    return Choice(include, exclude) if include or exclude else None


def parts_taken(
    project: Project, version: Version, paths: Sequence[bytes], choice: Choice | None
) -> tuple[bytes, ...] | None:
    """The parts of an artifact that are meant, () for all of it, None for nothing of it.

    A folder of which everything is meant is one part.

    Raises:
        MissingObject: the manifest that says what is in it is not here.
    """
    parts = inside(version, paths)
    if choice is None:
        return parts
    if version.pointer.kind != "directory":
        return () if choice.takes(_name_of(version)) else None
    taken: list[bytes] = []
    broken: set[bytes] = set()
    for entry in entries_of(project.store.read, bytes(version.pointer.digest), parts):
        if choice.takes(entry.path):
            taken.append(entry.path)
        else:
            broken.update(_folders_above(entry.path))
    if not taken:
        return None
    if not parts and not broken:
        return ()
    within = frozenset(parts)
    found = {_widest(path, broken, within) for path in taken}
    return tuple(sorted(found))


def refuse_vain(project: Project, versions: Sequence[Version], paths: Sequence[bytes], choice: Choice | None) -> None:
    """Refuse patterns that match nothing in any of the versions.

    Raises:
        UnknownPath: they do not, as far as the manifests are here to tell.
    """
    if choice is None:
        return
    for version in versions:
        if version.pointer.kind != "directory":
            if choice.takes(_name_of(version)):
                return
            continue
        try:
            entries = entries_of(project.store.read, bytes(version.pointer.digest), inside(version, paths))
            if any(choice.takes(entry.path) for entry in entries):
                return
        except MissingObject:
            return
    where = display(versions[0].path) if len(versions) == 1 else f"{len(versions):,} artifacts"
    listed = f" {typed(versions[0].path)}" if len(versions) == 1 else ""
    raise UnknownPath(
        f"nothing in {where} matches {display(' '.join(choice.words))}", hint=f"what there is: track ls -R{listed}"
    )


def _patterns(option: str, words: Sequence[str]) -> Patterns | None:
    for word in words:
        if "\n" in word or not parse(word.encode("utf-8", "surrogateescape")):
            raise UsageError(
                f"`{option} {display(word)}` can match nothing", hint=f"a pattern as in .trackignore: {option} '*.png'"
            )
    content = "\n".join(words).encode("utf-8", "surrogateescape")
    return Patterns().extended(b"", content) if words else None


def _name_of(version: Version) -> bytes:
    return version.path.rpartition(b"/")[2]


def _folders_above(path: bytes) -> list[bytes]:
    found = []
    while path:
        path = path.rpartition(b"/")[0]
        found.append(path)
    return found


def _widest(path: bytes, broken: set[bytes], within: frozenset[bytes]) -> bytes:
    """The highest folder above a path of which everything is taken, inside what was named; else the path itself."""
    found = path
    folder = path.rpartition(b"/")[0]
    while folder and folder not in broken and (not within or covers(within, folder)):
        found, folder = folder, folder.rpartition(b"/")[0]
    return found
