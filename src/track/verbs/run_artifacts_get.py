"""Run artifacts get: artifacts of a run as files in a folder."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from track.errors import UsageError
from track.flows.landing import land, plan, refuse_own
from track.flows.run_find import Found, find_run
from track.flows.run_read import RunArtifact, artifact_named, artifacts_of, bring_here, note_inputs
from track.flows.view import reader as reader_of
from track.model.manifest import Entry, walk
from track.model.names import display
from track.progress import Progress, silent
from track.project import Project


class ArtifactsGot(NamedTuple):
    """What the folder has now: files that were placed, and those that were there with the right content; sorted.

    `target` is where the one artifact is that was asked for by name.
    """

    folder: Path
    placed: tuple[Path, ...]
    skipped: tuple[Path, ...]
    target: Path | None = None


class Wanted(NamedTuple):
    """Which artifacts: the one called `name`, or all of a category whose names begin, contain and end like this."""

    name: str | None = None
    category: str | None = None
    startswith: str = ""
    contains: str = ""
    endswith: str = ""

    def takes(self, name: str) -> bool:
        """Whether the texts fit a name."""
        return name.startswith(self.startswith) and self.contains in name and name.endswith(self.endswith)


def run_artifacts_get(
    project: Project,
    run: str,
    folder: str | Path,
    wanted: Wanted | None = None,
    *,
    force: bool = False,
    reader: str | None = None,
    progress: Progress = silent,
) -> ArtifactsGot:
    """Put artifacts of the run called `run` into a folder, which is made; names with slashes make folders in it.

    What is there with the right content is left alone, what differs is refused before anything is written; with
    `force` files are replaced. What is not here comes from a remote. `reader` is the id of the living run whose inputs
    these become.

    Raises:
        UnknownRun, UnknownPath: no run is called so, or several are; or it has no such artifact.
        UsageError: there is no such category, or several artifacts have one name and differ.
        Conflict: something else stands in the folder.
        ForbiddenPath, OutsideRepository: a name leaves the folder, or the folder is Git's or track's own.
        MissingObject, DamagedObject: bytes are nowhere whole.
        RemoteError: no remote can be asked.
        StoreUnwritable, DiskFull: nothing can be made there.
    """
    wanted = wanted or Wanted()
    found = find_run(project, run)
    if wanted.name is not None:
        artifacts: Sequence[RunArtifact] = [artifact_named(found, wanted.name, wanted.category)]
    else:
        artifacts = artifacts_of(found, wanted.category)
    top = Path(os.path.abspath(os.path.expanduser(folder)))
    refuse_own(project, top)
    bring_here(project, found, [each for each in artifacts if each.kind == "directory"], progress)
    entries = _distinct(found, _chosen(project, artifacts, wanted))
    planned = plan(top, [entry for _, entry in entries], force=force)
    todo = {entry.path for entry, _ in planned.entries}
    bring_here(project, found, [each for each, entry in entries if entry.path in todo], progress)
    landed = land(project, top, planned, progress)
    note_inputs(project, reader, found, list(dict.fromkeys(each for each, _ in entries)))
    target = top / os.fsdecode(artifacts[0].place) if wanted.name is not None else None
    return ArtifactsGot(top, tuple(_below(top, landed.placed)), tuple(_below(top, landed.present)), target)


def _chosen(project: Project, artifacts: Sequence[RunArtifact], wanted: Wanted) -> Iterator[tuple[RunArtifact, Entry]]:
    """Every file that is wanted, of a folder those in it."""
    for each in artifacts:
        if each.kind == "directory":
            for entry in walk(reader_of(project), each.digest):
                if wanted.takes(f"{each.name}/{os.fsdecode(entry.path)}"):
                    yield each, entry._replace(path=each.place + b"/" + entry.path)
        elif wanted.takes(each.name):
            yield each, Entry(each.place, "f", each.size, each.digest)


def _distinct(found: Found, entries: Iterator[tuple[RunArtifact, Entry]]) -> list[tuple[RunArtifact, Entry]]:
    """Each path once. Raises UsageError where two artifacts would stand at one place."""
    kept: dict[bytes, tuple[RunArtifact, Entry]] = {}
    for artifact, entry in entries:
        other = kept.setdefault(entry.path, (artifact, entry))
        if other[1].digest != entry.digest:
            both = f"{other[0].category} and {artifact.category}"
            raise UsageError(
                f"`{display(entry.path)}` of run {display(found.record.name)} is not the same as {both}",
                hint=f"say which: --category {artifact.category} (in Python: category='{artifact.category}')",
            )
    for path, (_, entry) in kept.items():
        above = [path[:at] for at, byte in enumerate(path) if byte == ord("/")]
        over = next((each for each in above if each in kept and kept[each][1].mode != "d"), None)
        if over is not None and entry.mode:
            raise UsageError(
                f"`{display(over)}` and `{display(path)}` cannot both be files of one folder",
                hint="get them one after the other, into folders of their own",
            )
    return list(kept.values())


def _below(top: Path, paths: Sequence[bytes]) -> Iterator[Path]:
    return (top / os.fsdecode(path) for path in paths)
