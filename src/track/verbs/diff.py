"""Diff: what differs between two places, artifact by artifact and down to the files inside."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from track.errors import MalformedPointer, MissingObject, NewerFormat, TrackError, UnknownRevision, UsageError
from track.flows import pointers as pointer_files
from track.flows import sides, view
from track.flows.look import differences
from track.flows.shallow import is_away
from track.flows.sides import Side
from track.flows.view import Wanted
from track.history import log
from track.model.change import Change, changes
from track.model.manifest import Entry, Read, compare
from track.model.names import display, is_named_pointer, name_of
from track.model.pointer import Pointer, parse_pointer
from track.progress import Progress, silent
from track.project import Project

Pair = tuple[Entry | None, Entry | None]


class Fact(NamedTuple):
    """Something other than content that differs: `what` is like "label ticket"; None where it is not said."""

    what: str
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class ArtifactDiff:
    """One artifact that differs.

    `op` is A, M, D, R (the same content was at `renamed_from`), T (executable or not) or = (facts alone). `path` is
    the data's from the top, or the pointer's for a named artifact. Sizes are in bytes; `files` count files and links,
    1 for a file. `changes` have paths from the top and are sorted; `moved_out_count` of its files are now in other
    artifacts. `trouble` says why the files inside are not known.
    """

    op: str
    path: bytes
    name: str | None
    kind: str
    renamed_from: bytes | None
    old: Pointer | None
    new: Pointer | None
    old_size: int
    new_size: int
    old_files: int
    new_files: int
    changes: tuple[Change, ...]
    moved_out_count: int
    facts: tuple[Fact, ...]
    trouble: str | None

    def count(self, op: str) -> int:
        """How many changes have this letter."""
        return sum(1 for change in self.changes if change.op == op)


class Diff(NamedTuple):
    """The artifacts that differ, sorted by path; `old` and `new` name the two sides.

    `refused` says which pointers, on either side, cannot be read.
    """

    old: str
    new: str
    artifacts: tuple[ArtifactDiff, ...]
    refused: tuple[TrackError, ...] = ()

    @property
    def size_delta(self) -> int:
        """By how many bytes the data grew."""
        return sum(artifact.new_size - artifact.old_size for artifact in self.artifacts)


@dataclass(slots=True)
class _Draft:
    """An artifact on its way to an ArtifactDiff. A digest of the new side is unknown when it is the working copy."""

    path: bytes
    old: Pointer | None
    new: Pointer | None
    pairs: list[Pair] = field(default_factory=list)
    renamed_from: bytes | None = None
    trouble: str | None = None
    size_delta: int = 0
    files_delta: int = 0
    is_partial: bool = False


def diff(
    project: Project,
    revs: Sequence[str] = (),
    paths: Sequence[str] = (),
    *,
    staged: bool = False,
    renames: bool = True,
    progress: Progress = silent,
) -> Diff:
    """Compare two revisions, one revision with the working tree, or the index with the working tree.

    `revs` are none, `A`, `A B`, `A..B` or `A...B` (from where they parted); with `staged`, the index is compared with
    HEAD, or `A`. Between revisions only pointers and the manifest nodes that differ are read.

    Raises:
        UnknownRevision: a revision is none.
        UnknownPath: nothing on either side has to do with a path.
        UsageError: too many revisions.
        MalformedManifest, DamagedObject: what is compared breaks its format.
    """
    wanted = Wanted(view.paths_from(project, paths))
    old, new, names = _sides(project, revs, staged, whole=bool(paths))
    wanted.refuse_unknown((old, new))
    refused: list[TrackError] = []
    drafts = list(_drafts(old, new, wanted, refused))
    if renames:
        drafts = _with_renames(drafts)
    read = view.reader(project)
    for draft in drafts:
        if draft.renamed_from is None:
            is_apart = draft.path in new.left_out and not pointer_files.exists(project, draft.path)
            _fill(project, draft, new.name == sides.HERE and not is_apart, read, progress)
            _narrow(draft, wanted)
    return Diff(*names, tuple(_finished(drafts, is_here=new.name == sides.HERE, renames=renames)), tuple(refused))


def diff_pointer(project: Project, old: tuple[bytes, bytes] | None, new: tuple[bytes, bytes] | None) -> Diff:
    """Compare two versions of one pointer file, each (path, content), as Git has them; None where there is none.

    Raises:
        MalformedPointer, NewerFormat, NotAPointer: one of them cannot be read.
        MalformedManifest, DamagedObject: what is compared breaks its format.
    """
    before, after = (None if one is None else parse_pointer(one[1], one[0]) for one in (old, new))
    names = [one[0] for one in (old, new) if one is not None]
    draft = _Draft(sides.artifact_of(names[-1]), before, after)
    same = before is not None and after is not None and (before.kind, before.digest) == (after.kind, after.digest)
    if same and names[0] != names[-1]:
        draft.renamed_from = sides.artifact_of(names[0])
    else:
        _fill(project, draft, False, view.reader(project), silent)
        _narrow(draft, Wanted())
    return Diff(display(names[0]), display(names[-1]), tuple(_finished([draft], is_here=False, renames=True)))


def _sides(project: Project, revs: Sequence[str], staged: bool, *, whole: bool) -> tuple[Side, Side, tuple[str, str]]:
    """The two sides, and what to call them; two revisions come without what they share, unless as a `whole`."""
    if len(revs) > 2 or (staged and len(revs) > 1):
        raise UsageError("too many revisions", hint="track diff [A [B]] [-- PATH...]")
    ends = view.range_of(revs[0]) if len(revs) == 1 else None
    if staged:
        old = revs[0] if revs else "HEAD"
        return sides.side_at(project, old), sides.side_staged(project), (old, sides.STAGED)
    if not revs:
        return sides.side_staged(project), sides.side_here(project), (sides.STAGED, sides.HERE)
    if ends is None and len(revs) == 1:
        return sides.side_at(project, revs[0]), sides.side_here(project), (revs[0], sides.HERE)
    first, second = (end or "HEAD" for end in ends or revs)
    base = first
    if ends is not None and "..." in revs[0]:
        with sides.naming_nearest(project):
            found = project.git.merge_base(first, second)
        if found is None:
            raise UnknownRevision(
                f"`{first}` and `{second}` have no commit in common", hint=f"track diff {first} {second}"
            )
        base = found
    names = first if base == first else base[:12], second
    if whole:
        return sides.side_at(project, base), sides.side_at(project, second), names
    with sides.naming_nearest(project):
        before, after = log.pointers_between(project.git, base, second)
    return Side(base, before), Side(second, after), names


def _drafts(old: Side, new: Side, wanted: Wanted, refused: list[TrackError]) -> Iterator[_Draft]:
    """The artifacts that were asked for and may differ; between revisions, those whose pointers differ."""
    is_here = new.name == sides.HERE
    for path in sorted(old.contents.keys() | new.contents.keys()):
        if wanted.artifact(path) and (is_here or old.contents.get(path) != new.contents.get(path)):
            try:
                before, after = old.pointer(path), new.pointer(path)
            except (MalformedPointer, NewerFormat) as error:
                refused.append(error)
                continue
            if before is not None or after is not None:
                yield _Draft(path, before, after)


def _with_renames(drafts: list[_Draft]) -> list[_Draft]:
    """Pair artifacts that are gone with new ones of the same content."""
    gone: dict[tuple[str, bytes], list[_Draft]] = {}
    for draft in drafts:
        if draft.new is None and draft.old is not None and draft.old.size:
            gone.setdefault((draft.old.kind, draft.old.digest), []).append(draft)
    for draft in drafts:
        if draft.old is None and draft.new is not None:
            same = gone.get((draft.new.kind, draft.new.digest))
            if same:
                source = same.pop(0)
                draft.old, draft.renamed_from = source.old, source.path
                source.old = None
    return [draft for draft in drafts if draft.old is not None or draft.new is not None]


def _fill(project: Project, draft: _Draft, is_here: bool, read: Read, progress: Progress) -> None:
    """Find the files that differ, as pairs with paths from the top."""
    try:
        if is_here and draft.new is not None and not is_named_pointer(draft.path):
            pairs = _pairs_here(project, draft, read, progress)
        else:
            pairs = _pairs_between(draft.old, draft.new, read)
        prefix = draft.path + b"/"
        draft.pairs = [(_below(old, draft.path, prefix), _below(new, draft.path, prefix)) for old, new in pairs]
    except MissingObject as error:
        draft.trouble = error.message


def _narrow(draft: _Draft, wanted: Wanted) -> None:
    """Count what all of the artifact's files change, then keep those that were asked for."""
    for old, new in draft.pairs:
        draft.size_delta += (new.size if new else 0) - (old.size if old else 0)
        draft.files_delta += _is_file(new) - _is_file(old)
    draft.is_partial = not wanted.file(draft.path, draft.path)
    if draft.is_partial:
        draft.pairs = [pair for pair in draft.pairs if wanted.file(_path(pair), draft.path)]


def _pairs_between(old: Pointer | None, new: Pointer | None, read: Read) -> Iterator[Pair]:
    before = old.digest if old is not None and old.kind == "directory" else None
    after = new.digest if new is not None and new.kind == "directory" else None
    left = view.as_entry(old) if old is not None and old.kind == "file" else None
    right = view.as_entry(new) if new is not None and new.kind == "file" else None
    if left != right:
        yield left, right
    if before != after:
        yield from compare(read, before, after)


def _pairs_here(project: Project, draft: _Draft, read: Read, progress: Progress) -> Iterable[Pair]:
    """The working copy against the old pointer; without one, against nothing."""
    if not pointer_files.exists(project, draft.path):
        if is_away(project, draft.path):
            return _pairs_between(draft.old, draft.new, read)
        draft.new = None
        return _pairs_between(draft.old, None, read)
    if draft.old is not None:
        return differences(project, draft.path, draft.old, partly=True, progress=progress)
    assert draft.new is not None
    found: dict[bytes, Entry | None] = {
        new.path: new for _, new in _pairs_between(None, draft.new, read) if new is not None
    }
    for old, new in differences(project, draft.path, draft.new, partly=True, progress=progress):
        path = _path((old, new))
        found[path] = new
    return [(None, found[path]) for path in sorted(found) if found[path] is not None]


def _below(entry: Entry | None, artifact: bytes, prefix: bytes) -> Entry | None:
    if entry is None:
        return None
    return Entry(prefix + entry.path if entry.path else artifact, entry.mode, entry.size, entry.digest)


def _path(pair: Pair) -> bytes:
    entry = pair[1] or pair[0]
    assert entry is not None
    return entry.path


def _finished(drafts: Sequence[_Draft], *, is_here: bool, renames: bool) -> Iterator[ArtifactDiff]:
    """Find renames among all files, and give each change to the artifact where it is now."""
    owner = {_path(pair): draft.path for draft in drafts for pair in draft.pairs}
    owner.update({pair[0].path: draft.path for draft in drafts for pair in draft.pairs if pair[0] is not None})
    sorted_out: dict[bytes, list[Change]] = {draft.path: [] for draft in drafts}
    moved_out: dict[bytes, int] = dict.fromkeys(sorted_out, 0)
    for change in changes((pair for draft in drafts for pair in draft.pairs), renames=renames):
        sorted_out[owner[change.path]].append(change)
        if change.renamed_from is not None and owner[change.renamed_from] != owner[change.path]:
            moved_out[owner[change.renamed_from]] += 1
    for draft in drafts:
        made = _artifact(draft, tuple(sorted_out[draft.path]), moved_out[draft.path], is_here)
        if made is not None:
            yield made


def _artifact(draft: _Draft, found: tuple[Change, ...], moved_out_count: int, is_here: bool) -> ArtifactDiff | None:
    """The difference of one artifact; None when there is none worth a word."""
    facts = () if draft.is_partial else tuple(_facts(draft.old, draft.new))
    op = _letter(draft, found, facts, moved_out_count)
    said = draft.new or draft.old
    if op is None or said is None:
        return None
    old_size, old_files = _totals(draft.old)
    new_size, new_files = _totals(draft.new)
    if is_here and draft.new is not None and draft.renamed_from is None and not draft.trouble:
        new_size, new_files = old_size + draft.size_delta, old_files + draft.files_delta
    return ArtifactDiff(
        op=op,
        path=draft.path,
        name=name_of(draft.path),
        kind=said.kind,
        renamed_from=draft.renamed_from,
        old=draft.old,
        new=draft.new,
        old_size=old_size,
        new_size=new_size,
        old_files=old_files,
        new_files=new_files,
        changes=found,
        moved_out_count=moved_out_count,
        facts=facts,
        trouble=draft.trouble,
    )


def _letter(draft: _Draft, found: tuple[Change, ...], facts: tuple[Fact, ...], moved_out_count: int) -> str | None:
    if draft.renamed_from is not None:
        return "R"
    if draft.is_partial and not (draft.pairs or draft.trouble):
        return None
    if draft.old is None or draft.new is None:
        return "D" if draft.new is None else "A"
    if found and draft.new.kind == "file" and all(change.op == "T" for change in found):
        return "T"
    if found or moved_out_count or draft.trouble or draft.old.digest != draft.new.digest == _value_digest(draft):
        return "M"
    return "=" if facts else None


def _value_digest(draft: _Draft) -> bytes | None:
    """The digest of a new value, which has no files that could differ."""
    return draft.new.digest if draft.new is not None and draft.new.kind == "value" else None


def _totals(pointer: Pointer | None) -> tuple[int, int]:
    if pointer is None:
        return 0, 0
    return pointer.size, pointer.files if pointer.files is not None else int(pointer.kind == "file")


def _is_file(entry: Entry | None) -> int:
    return int(entry is not None and entry.mode != "d")


def _facts(old: Pointer | None, new: Pointer | None) -> Iterator[Fact]:
    """What was said of the content, where both sides say something."""
    if old is None or new is None:
        return
    if old.kind == new.kind == "value" and old.digest != new.digest:
        yield Fact("value", old.value, new.value)
    tables: tuple[tuple[str, Mapping[str, object], Mapping[str, object]], ...] = (
        ("label", old.labels, new.labels),
        ("tag", dict.fromkeys(old.tags, True), dict.fromkeys(new.tags, True)),
        ("partition", old.partitions, new.partitions),
    )
    for what, before, after in tables:
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key):
                yield Fact(f"{what} {key}", before.get(key), after.get(key))
