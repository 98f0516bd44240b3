"""Needed beside: what other versions are made of too, so that it stays when one of them is removed for good."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import cache

from track.errors import Conflict, RemoteError
from track.flows.last_copies import reaching
from track.flows.needed import ReadNodes, mark_needed, repositories, shallow_among
from track.flows.needed_there import mark_needed_there
from track.flows.nodes_anywhere import read_as_far_as_possible, read_at_any
from track.flows.remotes import Named, clone_id, connected
from track.model.digest import Digest
from track.model.names import display, typed
from track.progress import Progress, silent
from track.project import Project
from track.store.holders import read_holders
from track.store.marks import Marks
from track.store.remote import Remote


def answering(project: Project, remotes: Iterable[Named], stack: ExitStack) -> list[Remote]:
    """Those of the remotes that answer, open until the end of the stack."""
    there: list[Remote] = []
    for named in remotes:
        with suppress(RemoteError):
            there.append(stack.enter_context(connected(project, named, sending=False)))
    return there


def needed_beside(
    project: Project, version: Digest, objects: set[bytes], remotes: Sequence[Named], progress: Progress = silent
) -> set[bytes]:
    """Those of the objects that any other version is made of too: in the history of whoever uses the store, and in
    what other clones pushed. A remote that does not answer is passed over: it is looked at again before anything goes.

    Raises:
        Conflict: a repository that uses the store is a shallow clone.
        MissingObject: a manifest that others need is at a remote, and can be read at none.
        HistoryIncomplete: other versions, or who needs them, cannot be read.
    """
    users = repositories(project)
    if shallow := shallow_among(users):
        raise Conflict(
            f"the repository at {display(str(shallow[0]))} is a shallow clone: other versions may be made of the same",
            hint=f"git -C {typed(str(shallow[0]))} fetch --unshallow",
        )
    with ExitStack() as stack, Marks() as marks:
        there = answering(project, remotes, stack)

        def read(digests: Iterable[bytes]) -> Iterable[tuple[bytes, bytes | None]]:
            return read_at_any(there, digests)

        _mark_here(project, version, read, marks, progress)
        for remote in there:
            with suppress(RemoteError):
                _mark_there(project, remote, version, read, marks, progress=progress)
        return marks.kept(sorted(objects))


class Beside:
    """Other versions, looked at once more at one remote, while nobody can push to it.

    Parts of their manifests that are neither here nor sound there come from other remotes, opened when that is so.
    """

    def __init__(
        self, project: Project, version: Digest, remote: Remote, others: Callable[[], Sequence[Remote]]
    ) -> None:
        """Beside the version of that digest; `others` opens the other remotes."""
        self._project, self._version, self._remote, self._others = project, version, remote, cache(others)

    def refuse(self, objects: Collection[bytes], progress: Progress = silent) -> None:
        """Refuse to remove objects that another version is made of too.

        Raises:
            Conflict: one is.
            MissingObject, HistoryIncomplete: nobody knows, for something cannot be read.
        """
        project, remote = self._project, self._remote

        def read(digests: Iterable[bytes]) -> Iterable[tuple[bytes, bytes | None]]:
            return read_at_any(self._ways(), digests)

        with Marks() as marks:
            _mark_here(project, self._version, read, marks, progress)
            if marks.kept(sorted(objects)):
                raise Conflict(
                    f"another version at {remote.place.url} is made of the same",
                    hint="run the same command again: what that one needs stays",
                )
            _mark_there(project, remote, self._version, read, marks, progress=progress)
            if marks.kept(sorted(objects)):
                raise Conflict(
                    f"another clone has pushed a version to {remote.place.url} that is made of the same",
                    hint="run the same command again: what that one needs stays",
                )

    def broken_without(self, objects: Collection[bytes]) -> Collection[bytes]:
        """The versions that others need at the remote and that are not whole without these objects, as far as seen."""
        said = {bytes(each) for one in read_holders(self._remote.place).entries for each in one.entry.digests}
        roots = dict.fromkeys(sorted(said.difference(objects)))
        return reaching(
            self._project.store, roots, lambda digests: read_as_far_as_possible(self._ways(), digests), objects
        )

    def _ways(self) -> Iterator[Remote]:
        yield self._remote
        yield from self._others()


def _mark_here(project: Project, version: Digest, read: ReadNodes, marks: Marks, progress: Progress) -> None:
    """Mark what other versions in the history need; what is not here of manifests, as after a shrink, `read` gives."""
    without = frozenset([bytes(version)])
    mark_needed(project, repositories(project), marks, progress, elsewhere=read, without=without)


def _mark_there(
    project: Project, remote: Remote, version: Digest, read: ReadNodes, marks: Marks, *, progress: Progress
) -> None:
    """Mark what other clones said at a remote that they need; `read` gives what is not here of manifests."""
    mark_needed_there(
        remote, project.store, marks,
        but=clone_id(project), without=[bytes(version)], elsewhere=read, progress=progress,
    )  # fmt: skip
