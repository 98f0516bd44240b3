"""Import LFS: what Git LFS keeps becomes artifacts, out of its own objects, which are only read."""

from collections.abc import Sequence
from dataclasses import dataclass

from track import publish
from track.errors import Conflict, TrackError, UnknownPath
from track.flows import lfs_reading
from track.flows.adopting import Adopter
from track.flows.converting import Conversion, ask_git, make_plain, refuse_unfit
from track.flows.ignoring import ignore
from track.flows.lfs_reading import Content, Tracked
from track.flows.pointers import pointer_at, write_pointer
from track.history import index
from track.history import lfs as lfs_in_git
from track.model.digest import Digest
from track.model.lfs import object_key
from track.model.manifest import Entry
from track.model.names import display, pointer_path
from track.progress import Progress, silent
from track.project import Project


@dataclass(frozen=True, slots=True)
class LfsArtifact:
    """One file as the import left it, or would; `size` in bytes. `is_here` says that its content is in the working
    tree, where after the import it is in place of a pointer of Git LFS, too.
    """

    path: bytes
    digest: Digest
    size: int
    is_here: bool


@dataclass(frozen=True, slots=True)
class ImportedLfs:
    """What an import did, or in a dry run would do, sorted by path.

    `refused` are files that were left to Git LFS, each with its error; `attributes` the files in which nothing is given
    to it any more, empty while something is left to it. `stored_bytes` were new to the store.
    """

    artifacts: tuple[LfsArtifact, ...]
    refused: tuple[tuple[bytes, TrackError], ...]
    attributes: tuple[bytes, ...]
    staged: tuple[bytes, ...]
    stored_bytes: int
    is_dry: bool


def import_lfs(
    project: Project,
    paths: Sequence[str] = (),
    *,
    fetch: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> ImportedLfs:
    """Make artifacts of the files at or below `paths` (none: all) of which Git has a pointer of Git LFS.

    Every byte is checked against its SHA-256 before it is believed. A file whose content is missing, damaged or changed
    is left to Git LFS; the others are not held up by it. Git forgets the imported ones and has our pointers instead;
    when nothing is left to Git LFS, the lines go by which it was given files. With `fetch`, Git LFS brings first what
    is not here, over the network. Interrupted at any point, the same call goes on.

    Raises:
        UnknownPath: a path names nothing of Git LFS's.
        GitFailed: Git LFS was to fetch, and could not.
        Conflict: attributes that are in no file of the repository give our pointers to Git LFS.
        Locked, DiskFull, StoreUnwritable: it could not be done to its end.
    """
    given = [project.relative(path) for path in paths]
    with project.lock():
        found, unreadable = lfs_reading.tracked(project)
        chosen = [one for one in found if _is_in(one.path, given)]
        refused = [one for one in unreadable if _is_in(one[0], given)]
        _refuse_unknown(given, [one.path for one in found] + [path for path, _ in unreadable])
        if fetch:
            _fetch(project, chosen)
        with Adopter(project, dry_run=dry_run, progress=progress) as adopter:
            read = _read(project, adopter, chosen, refused, progress)
            stored_bytes = adopter.commit()
            is_all = len(read) == len(found) and not unreadable
            attributes = lfs_reading.attributes_without_lfs(project) if is_all else {}
            if not is_all:
                _keep_apart(project, read, refused)
            staged = () if dry_run else _convert(project, read, attributes)
    return ImportedLfs(
        artifacts=tuple(LfsArtifact(*_facts(one, content)) for one, content in read),
        refused=tuple(sorted(refused, key=lambda one: one[0])),
        attributes=tuple(sorted(attributes)),
        staged=staged,
        stored_bytes=stored_bytes,
        is_dry=dry_run,
    )


def _facts(one: Tracked, content: Content) -> tuple[bytes, Digest, int, bool]:
    return one.path, content.adopted.digest, content.adopted.size, content.is_here or content.is_stand_in


def _is_in(path: bytes, given: Sequence[bytes]) -> bool:
    return not given or any(not one or path == one or path.startswith(one + b"/") for one in given)


def _refuse_unknown(given: Sequence[bytes], known: Sequence[bytes]) -> None:
    for path in given:
        if not any(_is_in(one, [path]) for one in known):
            raise UnknownPath(f"nothing of Git LFS's is at `{display(path)}`", hint="what it tracks: git lfs ls-files")


def _fetch(project: Project, chosen: Sequence[Tracked]) -> None:
    objects = lfs_in_git.objects_of(project.git)
    lacking = [one.path for one in chosen if not (objects / object_key(one.pointer.sha256)).exists()]
    if lacking:
        lfs_in_git.fetch(project.git, lacking)


def _read(
    project: Project,
    adopter: Adopter,
    chosen: Sequence[Tracked],
    refused: list[tuple[bytes, TrackError]],
    progress: Progress,
) -> list[tuple[Tracked, Content]]:
    """Every file of which each byte is in the store; the others go to `refused`."""
    read = []
    known = ask_git(project, [one.path for one in chosen])
    objects = lfs_in_git.objects_of(project.git)
    total = sum(one.pointer.size for one in chosen)
    progress.begin("importing from Git LFS", count=len(chosen), size_bytes=total)
    try:
        for one in chosen:
            try:
                refuse_unfit(project, one.path, known)
                content = lfs_reading.read(project, adopter, one, objects)
                refuse_unfit(project, one.path, known, content.adopted.digest)
            except TrackError as error:
                refused.append((one.path, error))
                continue
            read.append((one, content))
    finally:
        progress.end()
    return read


def _keep_apart(project: Project, read: list[tuple[Tracked, Content]], refused: list[tuple[bytes, TrackError]]) -> None:
    """While lines that give files to Git LFS stay, a pointer that they give to it, too, would be no pointer in Git."""
    targets = {pointer_path(one.path): one.path for one, _ in read}
    given = {targets[target] for target in lfs_reading.still_given(project, list(targets))}
    for path in sorted(given):
        error = Conflict(
            f"{display(pointer_path(path))} would be given to Git LFS as long as it keeps something here",
            hint="import everything, or add a line to .gitattributes: *.track -filter",
        )
        refused.append((path, error))
    read[:] = [pair for pair in read if pair[0].path not in given]


def _convert(
    project: Project, read: Sequence[tuple[Tracked, Content]], attributes: dict[bytes, bytes]
) -> tuple[bytes, ...]:
    """Write and stage everything, and have Git forget the files; what it held of them is in the store."""
    conversions = [_conversion(project, one, content) for one, content in read]
    for each in conversions:
        if pointer_at(project, pointer_path(each.path)) != each.pointer:
            write_pointer(project, pointer_path(each.path), each.pointer, make_folders=True)
    for path, content in attributes.items():
        with project.gate.parent(path) as (folder, name):
            publish.publish_bytes(name, content, dir_fd=folder)
    if given := lfs_reading.still_given(project, [pointer_path(each.path) for each in conversions]):
        raise Conflict(
            f"{display(given[0])} is given to Git LFS by attributes that are not in the repository",
            hint="take `filter=lfs` out of .git/info/attributes and of your own attributes, and run it again",
        )
    paths = [each.path for each in conversions]
    ignores = ignore(project, paths)
    staged = sorted({*map(pointer_path, paths), *ignores, *attributes})
    index.stage(project.git, staged)
    make_plain(project, conversions)
    index.forget(project.git, paths)
    return tuple(sorted({*staged, *paths}))


def _conversion(project: Project, one: Tracked, content: Content) -> Conversion:
    adopted = content.adopted
    present = pointer_at(project, pointer_path(one.path))
    pointer = present or lfs_reading.pointer_of(one.path, one.pointer, adopted, executable=one.executable)
    entry = Entry(b"", "x" if one.executable else "f", adopted.size, adopted.digest)
    links = ((one.path, entry),) if content.is_stand_in else ()
    return Conversion(one.path, pointer, None, links, one.content if content.is_stand_in else None)
