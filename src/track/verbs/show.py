"""Show: everything that is known of one artifact version, one run, or what one commit did, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from track.flows import sides, view
from track.flows.catalogued import catalog_of
from track.flows.logged import CommitLogged, commit_logged
from track.flows.meaning import CommitMeant, meaning
from track.flows.named_versions import version_path
from track.flows.reach import known_at_remotes
from track.flows.run_find import Found
from track.flows.version_ids import SavedMeant
from track.flows.view import Located
from track.history.catalog import Scope
from track.history.catalog_query import Narrowing
from track.history.catalog_view import View
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.names import name_of
from track.model.pointer import Pointer
from track.model.record import Used
from track.project import Project


@dataclass(frozen=True, slots=True)
class Shown:
    """One artifact at one place, or a file inside it (`entry`, then sizes and digest are the file's).

    `is_here` says whether the store has its bytes, of a directory its manifest; `remotes` are the configured ones and
    `is_pushed` whether one of them is known to have all of it (None without a remote). `created` is when its run ended,
    else when it was first committed, by `user`, in `commit`, the earliest that has it; None where no commit has it.
    `is_cut` says that earlier history is not here, `absent_count` how many pointers and records of it are not.
    """

    where: str
    path: bytes
    artifact: bytes
    pointer_path: bytes
    name: str | None
    pointer: Pointer
    entry: Entry | None
    is_here: bool
    remotes: tuple[str, ...]
    is_pushed: bool | None
    created: datetime | None
    user: str | None
    commit: str | None
    is_cut: bool
    absent_count: int


class SavedShown(NamedTuple):
    """What a run saved to itself alone: the run, what it says of it, and where its bytes are, as of `Shown`."""

    run: Found
    used: Used
    is_here: bool
    is_pushed: bool | None


def show(
    project: Project,
    words: str,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    *,
    every: bool = False,
) -> Shown | SavedShown | Found | CommitLogged:
    """Say what is known of what `words` mean. No remote is asked.

    That is an artifact, `[REV:]PATH` or `[REV:]NAME[@VERSION]`: what its pointer says, who made it when, and whether
    its bytes are here and at a remote. With partitions or `every` (all refs) it is the latest version of a name that
    has them. Else it is a run, by its name or id, or what a commit did to artifacts and runs.
    Else it is the version, or what a run saved, of this id of `find`, at the earliest commit that has it.

    Raises:
        UnknownRevision, UnknownPath: nothing is called so, with the nearest names.
        UsageError: several things are; each is listed with words that mean it alone.
        UnknownRun: it is a run of which several records tell otherwise.
        MissingObject: PATH is inside a directory artifact whose manifest is not here.
        MalformedPointer, NewerFormat: its pointer cannot be read.
    """
    meant = meaning(project, words, partitions, time, every=every)
    if isinstance(meant, Found):
        return meant
    if isinstance(meant, CommitMeant):
        return commit_logged(project, meant.id)
    if isinstance(meant, SavedMeant):
        digest = meant.used.digest
        return SavedShown(meant.run, meant.used, not project.store.absent([digest]), _is_pushed(project, digest))
    return _artifact(project, meant)


def _artifact(project: Project, located: Located) -> Shown:
    entry = view.entry_at(project, located) if located.inner else None
    pointer = located.pointer
    digest = Digest(entry.digest) if entry is not None else pointer.digest
    place = sides.pointer_of(located.artifact)

    def look(known: View) -> tuple[datetime | None, str | None, str | None, bool, int]:
        asked = (version_path(place, pointer), bytes(pointer.digest))
        found = [one for one in known.pointers(Narrowing("p.path = ? AND c.digest = ?", asked)) if one.created]
        cut = known.is_cut(), known.absent_count()
        if not found:
            return None, None, None, *cut
        first = found[-1]
        assert first.created is not None
        return datetime.fromtimestamp(first.created, UTC), first.user, first.commit, *cut

    created, user, commit, is_cut, absent_count = catalog_of(project).ask(Scope(every=True, history=True), look)
    return Shown(
        where=located.side.name,
        path=located.path,
        artifact=located.artifact,
        pointer_path=place,
        name=name_of(located.artifact),
        pointer=pointer,
        entry=entry,
        is_here=pointer.kind == "value" or not project.store.absent([digest]),
        remotes=_remotes(project),
        is_pushed=_is_pushed(project, pointer.digest),
        created=created,
        user=user,
        commit=commit,
        is_cut=is_cut,
        absent_count=absent_count,
    )


def _remotes(project: Project) -> tuple[str, ...]:
    return tuple(sorted(project.config.names("remote.*.url")))


def _is_pushed(project: Project, digest: Digest) -> bool | None:
    return bool(known_at_remotes(project, [digest])) if _remotes(project) else None
