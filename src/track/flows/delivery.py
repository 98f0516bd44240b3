"""Delivery: the data of single versions goes to the remotes that a push goes to, before commits that name it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from track.errors import PurgedObject, TrackError, together
from track.flows.copies import shun_condemned
from track.flows.reach import Version, known_at_remotes
from track.flows.remotes import Named, clone_id, connected
from track.flows.routes import sources, targets
from track.flows.send import claim, losses, plan, send, size_of
from track.progress import Progress, silent
from track.project import Project
from track.publish import sweep


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was sent to one remote, in bytes as they travelled. `failed` says why others have not got it.

    `purged` says which versions nobody gets any more, for they were removed there for good.
    """

    remote: str
    versions: tuple[Version, ...]
    objects_count: int
    sent_bytes: int
    purged: tuple[PurgedObject, ...] = ()
    failed: tuple[TrackError, ...] = ()


def deliver(
    project: Project,
    versions: Sequence[Version],
    *,
    tell: Callable[[str, int], None] | None = None,
    progress: Progress = silent,
) -> tuple[Delivered, ...]:
    """Send what these versions need and these remotes lack; `tell` gets a name and the bytes, just before.

    What one remote has is delivered: others that fail are in the results.

    Raises as `push` does, when no remote has it all: afterwards everything else was sent, and the same again goes on.
    """
    done: list[Delivered] = []
    failed: list[TrackError] = []
    for named in targets(project):
        try:
            done.append(_deliver(project, named, versions, tell, progress))
        except TrackError as error:
            failed.append(error)
    if not done:
        raise together(failed)
    return (*done[:-1], replace(done[-1], failed=tuple(failed)))


def still_lacking(project: Project, versions: Sequence[Version]) -> tuple[Version, ...]:
    """Those that no remote has whole: where a record says that one had them some time, it is asked now, and only read.

    What a collection has condemned there does not count. A remote that cannot be asked has nothing.
    """
    once = known_at_remotes(project, {version.pointer.digest for version in versions})
    doubtful = {version.pointer.digest for version in versions if version.pointer.digest in once}
    for named in sources(project, versions) if doubtful else ():
        if doubtful:
            with suppress(TrackError), connected(project, named, sending=False) as connection:
                shun_condemned(connection)
                doubtful -= connection.complete(doubtful)
    return tuple(one for one in versions if one.pointer.digest in doubtful or one.pointer.digest not in once)


def _deliver(
    project: Project,
    named: Named,
    versions: Sequence[Version],
    tell: Callable[[str, int], None] | None,
    progress: Progress,
) -> Delivered:
    with connected(project, named, sending=True) as connection:
        patience_s = project.config.seconds("lock.timeout")
        claimed = claim(connection, versions, clone_id(project), patience_s=patience_s)
        todo = plan(project.store, connection, versions)
        if tell is not None and todo.objects:
            tell(named.name, size_of(project, todo))
        sweep(project.store.rooms.staging)
        sent = send(project, connection, todo, claimed, progress=progress)
        if todo.incomplete:
            raise losses(project, connection, todo)
        purged = tuple(one.error for one in todo.refused if isinstance(one.error, PurgedObject))
        if unbelievable := [one.error for one in todo.refused if one.error not in purged]:
            raise together(unbelievable)
    return Delivered(named.name, todo.versions, len(todo.objects), sent.sent_bytes, purged)
