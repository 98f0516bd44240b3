"""Version ids: what the digits mean that `track find` prints of a version, which every clone knows it by."""

from contextlib import suppress
from typing import NamedTuple

from track.errors import GitFailed, UnknownRun
from track.flows.candidates import Candidate
from track.flows.catalogued import catalog_of
from track.flows.finding import only_here, saved_by
from track.flows.pointers import content_at
from track.flows.run_find import Found, find_run
from track.flows.sides import HERE, STAGED, Side, artifact_of
from track.flows.view import Located
from track.history import log
from track.history.catalog import Scope
from track.history.catalog_query import Narrowing
from track.history.catalog_rows import version_id
from track.history.catalog_view import Version, View
from track.model.digest import digest_of
from track.model.expressions import expression
from track.model.names import display
from track.model.record import Used
from track.model.record_file import parse_record
from track.project import Project

_DIGITS = expression("[0-9a-f]{6,16}")
_EVERYTHING = Scope(every=True, history=True)


class SavedMeant(NamedTuple):
    """What a run saved to itself alone, and the run."""

    run: Found
    used: Used


def versions_with_id(project: Project, words: str) -> list[Version]:
    """The versions whose id has these 16 digits, or begins with these six or more; none where they are no digits.

    Whatever any ref has ever had is looked at, and what only the working tree or the journal has.
    """
    if _DIGITS.fullmatch(words) is None:
        return []
    ends = bytes.fromhex(words.ljust(16, "0")), bytes.fromhex(words.ljust(16, "f"))

    def look(view: View) -> list[Version]:
        found = view.pointers(Narrowing("v.id BETWEEN ? AND ? OR v.path IS NULL", ends))
        found += view.saved(Narrowing("e.id BETWEEN ? AND ?", ends))
        for run in only_here(project, _EVERYTHING, view):
            found += saved_by(run.record)
        return list({one.id: one for one in found if one.id.startswith(words)}.values())

    return catalog_of(project).ask(_EVERYTHING, look)


def of_version(version: Version) -> Candidate:
    """A version as one of several things that words may mean."""
    return Candidate("version", version.id, f"a version of {display(version.name)}")


def place_of(project: Project, version: Version) -> Located | SavedMeant:
    """Where a version lies: its pointer in the earliest commit that has it, else in the working tree or Git's index."""
    if version.path is None:
        run = run_of(project, version)
        used = next(one for one in run.record.artifacts if _is(one, version))
        return SavedMeant(run, used)
    side = _side(project, version, version.path)
    artifact = artifact_of(version.path)
    pointer = side.pointer(artifact)
    assert pointer is not None  # the catalog has read it
    return Located(side, artifact, pointer, b"")


def run_of(project: Project, version: Version) -> Found:
    """The run that saved it, as it is known here, else as the earliest commit says that has it. Raises UnknownRun."""
    id = version.document["run"]
    try:
        return find_run(project, id)
    except UnknownRun:
        ending = f"-{id[-8:]}.toml".encode("ascii")
        with suppress(GitFailed):  # a partial clone has none
            for path, content in log.records_at(project.git, version.commit) if version.commit is not None else ():
                if path.endswith(ending) and (record := parse_record(content, path)).id == id:
                    return Found(record, "commit", path)
        raise


def _is(used: Used, version: Version) -> bool:
    facts = version.document
    known = used.name, str(used.digest), used.category
    return used.path is None and known == (version.name, facts["digest"], facts["category"])


def _side(project: Project, version: Version, path: bytes) -> Side:
    if version.commit is not None:
        return Side(version.commit[:12], [(path, log.pointer_at(project.git, version.commit, path) or b"")])
    here = content_at(project, path)
    if here is not None and version_id(path, bytes(digest_of(here))).hex() == version.id:
        return Side(HERE, [(path, here)])
    return Side(STAGED, log.staged_contents(project.git, [path]).items())
