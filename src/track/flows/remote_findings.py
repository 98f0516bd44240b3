"""A remote as a verification finds it: what is lost there, which files here need it, and the runs that are shared."""

from collections.abc import Sequence
from contextlib import suppress

from track.errors import TrackError
from track.flows.findings import Findings, Kind
from track.flows.hurt import hurt_versions
from track.model.manifest import walk
from track.model.names import display
from track.model.pointer import Pointer
from track.model.shared_runs import parse_runs, unseal
from track.project import Project
from track.store.checking import Checked, Problem
from track.store.layout import RUNS, runs_name
from track.store.place import NoSuchKey
from track.store.remote import Remote


def note_losses(
    project: Project, remote: str, checked: Checked, here: Sequence[tuple[bytes, Pointer]], found: Findings
) -> None:
    """Take over what a check of a remote found; the files that need it of the versions `here` are named.

    `here` are pairs of a path and its pointer.
    """
    found.objects_count, found.read_bytes = checked.objects_count, checked.read_bytes
    kinds = {digest: _kind(problem) for problem in checked.problems for digest in problem.digests}
    step = f"track repair --remote {display(remote)}"
    for path, pointer in here if kinds else ():
        _name_losses(project, (path, pointer), kinds, found, step)
    for one in hurt_versions(project, kinds.keys() - found.named):
        found.named.add(one.digest)
        what = "part of its manifest is" if one.is_manifest else "is"
        found.add(kinds[one.digest], one.path, f"{what} lost at the remote, {one.version}", one.digest, step)
    for problem in checked.problems:
        digest = problem.digests[0] if len(problem.digests) == 1 else None
        is_unnamed = bool(problem.digests) and found.named.isdisjoint(problem.digests)
        what = f"{problem.what} at {display(remote)}"
        if is_unnamed:
            what += ", with what no pointer here or in any commit needs"
        elif problem.recipes and not problem.digests:
            what += f"; it has the recipes of {len(problem.recipes):,} large objects, which come whole, not in parts"
        found.add(_kind(problem), problem.key.encode(), what, digest, step)


def _kind(problem: Problem) -> Kind:
    return "missing" if problem.what == "missing" else "damaged"


def _name_losses(
    project: Project, version: tuple[bytes, Pointer], kinds: dict[bytes, Kind], found: Findings, step: str
) -> None:
    """Say which files of a version need what a remote has lost."""
    path, pointer = version
    if pointer.digest in kinds:
        found.named.add(pointer.digest)
        found.add(kinds[pointer.digest], path, "is lost at the remote", pointer.digest, step)
    if pointer.kind != "directory":
        return
    with suppress(TrackError):  # a manifest that is not here cannot say which files it has
        for entry in walk(project.store.read, pointer.digest):
            if entry.digest in kinds:
                found.named.add(entry.digest)
                place = path + b"/" + entry.path
                found.add(kinds[entry.digest], place, "is lost at the remote", entry.digest, step)


def check_runs(project: Project, remote: Remote, found: Findings) -> None:
    """Read the files of shared runs at a remote: is each what it was, and is what it names there, if it is here?"""
    for one in remote.place.list(RUNS):
        if runs_name(one.key) is None:
            continue
        try:
            runs = parse_runs(unseal(remote.place.get(one.key), one.key), one.key)
            records = [run.record(one.key) for run in runs]
        except NoSuchKey:
            continue  # it went meanwhile, for another one says the same
        except TrackError as error:
            step = f"track repair --remote {display(remote.name)}"
            found.add("damaged", one.key.encode(), error.message, None, step)
            continue
        found.read_bytes += one.size
        for record in records:
            named = {bytes(digest) for digest, _, _ in record.named()}
            here = named - project.store.absent(named)
            for digest in sorted(remote.absent(here)):
                what = f"run {display(record.name)}, which is shared, names what is lost at the remote"
                found.add("missing", one.key.encode(), what, digest, "track push --runs")
