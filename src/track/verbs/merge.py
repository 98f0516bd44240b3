"""Merge: settle artifacts whose pointers are in conflict, from the three versions in Git's index."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from track import publish
from track.errors import (
    Conflict,
    DamagedObject,
    MalformedManifest,
    MalformedPointer,
    MissingObject,
    NewerFormat,
    NotAPointer,
    TrackError,
    UnknownPath,
    UnsavedWork,
    UsageError,
)
from track.flows import view
from track.flows.bring import bring
from track.flows.merging import Choices, Outcome, changes_for_us, merge_texts
from track.flows.pointers import content_at, write_pointer
from track.flows.reach import Version
from track.flows.sides import artifact_of
from track.flows.undo import Undo
from track.flows.unmerged import kept
from track.history import index, log
from track.history.log import Unmerged
from track.model.digest import Digest
from track.model.manifest_merge import PathConflict
from track.model.merge import FactConflict, Side
from track.model.names import display, is_named_pointer, is_pointer_path, name_of, path_of, text_of, typed
from track.model.pointer import Pointer, dump_pointer, parse_pointer
from track.progress import Progress, silent
from track.project import Project

_MEMORY = "merge.json"


@dataclass(frozen=True, slots=True)
class MergedArtifact:
    """One artifact that was in conflict. `path` is the data's from the top, or the pointer's for a named artifact.

    `facts` and `paths` are open conflicts, and `trouble` says why there is no telling; with none of them it is
    settled: `pointer` is written and staged, or the artifact is gone (None). The counts are of files that ours gets,
    changes and loses; `chosen_count` conflicts were settled by a choice. `unplaced` says why the data was left alone.
    """

    path: bytes
    pointer: Pointer | None
    facts: tuple[FactConflict, ...] = ()
    paths: tuple[PathConflict, ...] = ()
    trouble: TrackError | None = None
    chosen_count: int = 0
    added_count: int = 0
    modified_count: int = 0
    removed_count: int = 0
    unplaced: TrackError | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it is in conflict any more."""
        return not (self.facts or self.paths or self.trouble)


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, or with `dry_run` would do; `artifacts` are sorted by path."""

    artifacts: tuple[MergedArtifact, ...]
    operation: str | None
    dry_run: bool

    @property
    def is_settled(self) -> bool:
        """Whether all that was asked for is settled."""
        return all(artifact.is_settled for artifact in self.artifacts)


def merge(
    project: Project,
    paths: Sequence[str] = (),
    *,
    take: Side | None = None,
    whole: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Merged:
    """Merge the artifacts at `paths` that are in conflict, all of them when none is named, and stage what is settled.

    `take` settles the conflicts that are left with one side: all of an artifact that is named, or those at the paths
    named inside it, from where we are or from the artifact; what is chosen so is remembered until all is settled.
    With `whole`, the artifact becomes what that side has, and nothing of the other. The data is brought in step when
    it is here and nothing unsaved would go. Interrupted, the same call finishes.

    Raises:
        UnknownPath: nothing is in conflict at one of the paths.
        UsageError: `whole` without `take`, or with paths inside.
        Conflict: the pointer was settled by hand, and Git was not told yet.
        MalformedPointer, NewerFormat, MalformedManifest, DamagedObject: a version of what was named cannot be
            believed; where nothing was named it is the artifact's `trouble`, and the others are merged.
        Locked, GitFailed, DiskFull, StoreUnwritable: it could not be written or staged.
    """
    if whole and take is None:
        raise UsageError("--whole needs a side", hint="track merge PATH --take ours --whole")
    with project.lock():
        unmerged = log.unmerged_pointers(project.git)
        targets = _targets(project, list(unmerged), paths)
        if whole and any(targets.values()):
            raise UsageError("--whole takes the artifact, not paths inside it", hint="leave out --whole, or the paths")
        contents = dict(project.git.blobs(sorted({one for pointer in targets for one in unmerged[pointer] if one})))
        done = []
        for pointer, inside in targets.items():
            texts = tuple(None if one is None else contents[one] for one in unmerged[pointer])
            task = _Task(project, pointer, unmerged[pointer], (texts[0], texts[1], texts[2]))
            try:
                done.append(task.run(take, inside, whole=whole, dry_run=dry_run, progress=progress))
            except NotAPointer:  # somebody else's file
                if paths:
                    raise
            except (MalformedPointer, NewerFormat, MalformedManifest, DamagedObject) as error:
                if paths:
                    raise
                done.append(MergedArtifact(artifact_of(pointer), None, trouble=error))
        return Merged(tuple(done), project.git.operation(), dry_run)


class _Task:
    """The settling of one pointer."""

    def __init__(
        self, project: Project, pointer: bytes, stages: Unmerged, texts: tuple[bytes | None, bytes | None, bytes | None]
    ) -> None:
        self._project, self._pointer, self._stages, self._texts = project, pointer, stages, texts
        self._path = artifact_of(pointer)

    def run(
        self, take: Side | None, inside: Sequence[bytes], *, whole: bool, dry_run: bool, progress: Progress
    ) -> MergedArtifact:
        """Settle what can be."""
        base, ours, theirs = self._texts
        if ours is None or theirs is None:
            return self._one_side(take, inside, dry_run, progress)
        memory = _remembered(self._project, self._pointer, self._stages)
        choices = _choices(memory, take, inside, whole)
        outcome = merge_texts(view.reader(self._project), (base, ours, theirs), self._pointer, choices)
        if inside and take is not None:
            self._refuse_unknown(outcome, base, (ours, theirs), inside)
        if not outcome.is_clean:
            self._refuse_settled_by_hand(None)
            if not dry_run:
                _remember(self._project, self._pointer, self._stages, choices)
            return MergedArtifact(
                self._path,
                None,
                outcome.facts,
                outcome.paths,
                _with_hint(outcome.trouble, self._path),
                outcome.chosen_count,
            )
        return self._settle(outcome.pointer, outcome, dry_run, progress)

    def _one_side(
        self, take: Side | None, inside: Sequence[bytes], dry_run: bool, progress: Progress
    ) -> MergedArtifact:
        """One side changed the artifact and the other removed it."""
        _, ours, theirs = self._texts
        if inside:
            raise UnknownPath(
                f"one side removed {display(self._path)}: there is no conflict inside it",
                hint=f"track merge {typed(self._path)} --take ours\ntrack merge {typed(self._path)} --take theirs",
            )
        if take is None:
            said = "changed", "removed"
            sides = said if theirs is None else said[::-1]
            self._refuse_settled_by_hand(None)
            return MergedArtifact(self._path, None, (FactConflict("artifact", *sides),))
        chosen = ours if take == "ours" else theirs
        pointer = None if chosen is None else parse_pointer(chosen, self._pointer)
        return self._settle(pointer, None, dry_run, progress)

    def _settle(
        self, pointer: Pointer | None, outcome: Outcome | None, dry_run: bool, progress: Progress
    ) -> MergedArtifact:
        """Write the pointer, bring the data in step, and stage the pointer."""
        self._refuse_settled_by_hand(pointer)
        project, unplaced = self._project, None
        if not dry_run:
            if pointer is None:
                self._remove()
            elif outcome is not None:
                with kept(project, outcome):
                    write_pointer(project, self._pointer, pointer)
            else:
                write_pointer(project, self._pointer, pointer)
            unplaced = None if pointer is None else self._place(pointer, progress)
            index.stage(project.git, [self._pointer])  # last: until then the same command begins again
            _forget(project, self._pointer)
        counts = self._counts(pointer, {} if outcome is None else outcome.nodes)
        chosen_count = outcome.chosen_count if outcome is not None else 1
        return MergedArtifact(self._path, pointer, (), (), None, chosen_count, *counts, unplaced)

    def _counts(self, pointer: Pointer | None, nodes: Mapping[Digest, bytes]) -> tuple[int, int, int]:
        mine = self._texts[1]
        with suppress(NotAPointer, MalformedPointer, NewerFormat):
            ours = None if mine is None else parse_pointer(mine, self._pointer)
            if pointer is not None:
                return changes_for_us(self._project.store.read, ours, pointer, nodes)
        return 0, 0, 0

    def _place(self, pointer: Pointer, progress: Progress) -> TrackError | None:
        """Bring the data in step; why not, if it was left as it is."""
        undo = Undo(self._project, "merge", os.fsdecode(self._path))
        shown = typed(self._path)
        try:
            brought = bring(self._project, [Version(self._path, pointer, ())], undo=undo, progress=progress)
            undo.done()
            if brought.refused:
                raise brought.refused[0].error
        except UnsavedWork as error:
            return UnsavedWork(error.message, hint=f"track status {shown}", details=error.details)
        if brought.lacking:
            return MissingObject(f"not all of {display(self._path)} is here", hint=f"track pull {shown}")
        return None

    def _remove(self) -> None:
        with suppress(FileNotFoundError):
            named = is_named_pointer(self._pointer)
            with self._project.gate.parent(self._pointer, own=named) as (folder, name):
                publish.remove(name, dir_fd=folder)

    def _refuse_settled_by_hand(self, merged: Pointer | None) -> None:
        """What somebody wrote in place of the marks is theirs to keep or to give up; not what we wrote before."""
        content = content_at(self._project, self._pointer)
        if content is None or content in self._texts or (merged is not None and content == dump_pointer(merged)):
            return
        with suppress(NotAPointer, MalformedPointer, NewerFormat):
            parse_pointer(content, self._pointer)
            again = typed(self._pointer)
            raise Conflict(
                f"{display(self._pointer)} has no marks any more: somebody settled it by hand",
                hint=f"git add {again}     keeps that\ngit checkout --merge -- {again}   brings the conflict back",
            )

    def _refuse_unknown(
        self, outcome: Outcome, base: bytes | None, sides: tuple[bytes, bytes], inside: Sequence[bytes]
    ) -> None:
        """Refuse a path at which nothing was in conflict."""
        if outcome.trouble is not None:
            return
        everything = merge_texts(view.reader(self._project), (base, *sides), self._pointer).paths
        for path in inside:
            if not any(conflict.is_at(path) for conflict in everything):
                raise UnknownPath(
                    f"nothing is in conflict at `{display(path)}` in {display(self._path)}",
                    hint=f"track merge {typed(self._path)}",
                )


def _targets(project: Project, unmerged: Sequence[bytes], paths: Sequence[str]) -> dict[bytes, list[bytes]]:
    """The pointers that were asked for, each with the paths inside it that were named (none: all of it)."""
    if not paths:
        return {pointer: [] for pointer in unmerged}
    artifacts = {artifact_of(pointer): pointer for pointer in unmerged}
    found: dict[bytes, list[bytes]] = {}
    last: bytes | None = None
    for given in paths:
        hit = _hit(project, given, artifacts)
        if hit is not None:
            last, inner = artifacts[hit[0]], hit[1]
        elif last is not None:
            inner = os.path.normpath(os.fsencode(given))
        else:
            raise _not_in_conflict(project, given)
        if inner:
            found.setdefault(last, []).append(inner)
        else:
            found.setdefault(last, [])
    return dict(sorted(found.items()))


def _not_in_conflict(project: Project, given: str) -> UnknownPath:
    """What was staged with its marks is no conflict for Git any more, and has one that Git can bring back."""
    records = project.git.run("ls-files", "-z", "--resolve-undo").split(b"\0")[:-1]
    staged = {artifact_of(path): path for record in records if is_pointer_path(path := record.partition(b"\t")[2])}
    hit = _hit(project, given, staged)
    why, way = "", "track status"
    if hit is not None:
        why = ": it was staged as settled"
        way = f"git checkout --merge -- {typed(staged[hit[0]])}      brings its conflict back"
    return UnknownPath(f"no artifact is in conflict at `{display(given)}`{why}", hint=way)


def _hit(project: Project, given: str, artifacts: Mapping[bytes, bytes]) -> tuple[bytes, bytes] | None:
    """(artifact, path inside it) that somebody named from where they are, or by name; none when it is none."""
    with suppress(TrackError):
        path = project.relative(given)
        for reading in view.readings(path):
            if reading in artifacts:
                return reading, b""
        for artifact in artifacts:
            if path.startswith(artifact + b"/"):
                return artifact, path[len(artifact) + 1 :]
    for artifact in artifacts:
        if name_of(artifact) == given:  # as `track status` shows it
            return artifact, b""
    return None


def _choices(memory: Choices, take: Side | None, inside: Sequence[bytes], whole: bool) -> Choices:
    if take is None:
        return memory
    if whole:
        return Choices(whole=take)
    if inside:
        return Choices(memory.facts, {**memory.paths, **dict.fromkeys(inside, take)})
    return Choices(take, {b"": take, **memory.paths})


def _with_hint(trouble: TrackError | None, path: bytes) -> TrackError | None:
    if trouble is not None:
        shown = typed(path)
        trouble.hint = (
            f"track pull, then: track merge {shown}\n"
            f"track merge {shown} --take ours --whole   when it is nowhere to be had; or theirs"
        )
    return trouble


def _remembered(project: Project, pointer: bytes, stages: Unmerged) -> Choices:
    """What was chosen before for this very conflict."""
    known = _memory(project).get(text_of(pointer))
    if not isinstance(known, dict) or known.get("of") != list(stages):
        return Choices()
    sides: dict[str, Side] = {"ours": "ours", "theirs": "theirs"}
    chosen = known.get("paths")
    paths: dict[bytes, Side] = {}
    for text, side in chosen.items() if isinstance(chosen, dict) else ():
        with suppress(ValueError):
            if side in sides:
                paths[path_of(text)] = sides[side]
    return Choices(sides.get(str(known.get("facts"))), paths)


def _remember(project: Project, pointer: bytes, stages: Unmerged, choices: Choices) -> None:
    if choices == Choices() or choices.whole is not None:
        return
    paths = {text_of(path): side for path, side in choices.paths.items()}
    known = {"of": list(stages), "facts": choices.facts, "paths": paths}
    _save(project, {**_memory(project), text_of(pointer): known})


def _forget(project: Project, pointer: bytes) -> None:
    known = _memory(project)
    if known.pop(text_of(pointer), None) is not None:
        _save(project, known)


def _memory(project: Project) -> dict[str, Any]:
    try:
        found = json.loads((project.worktree_state / _MEMORY).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _save(project: Project, known: Mapping[str, Any]) -> None:
    path = project.worktree_state / _MEMORY
    if known:
        publish.publish_bytes(path, json.dumps(known, indent=2).encode())
    else:
        with suppress(FileNotFoundError):
            publish.remove(path)
