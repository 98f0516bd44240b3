"""Who uses: the runs, and the pointers, in the whole history that say they were made from an artifact."""

from datetime import UTC, datetime
from typing import NamedTuple

from track.errors import UnknownPath
from track.flows.catalogued import catalog_of
from track.flows.view import nearest
from track.history.catalog import Scope
from track.history.catalog_query import Narrowing
from track.history.catalog_view import View
from track.model.digest import Digest
from track.model.names import data_path, display, is_pointer_path, text_of, typed
from track.project import Project


class Use(NamedTuple):
    """One user: a `run`, or an `artifact` whose pointer says it; its id, name, and when and by whom.

    `digest` is the version that was used, `is_latest` whether that is what stands now. `how` a run is known to have
    used it; for an artifact it is `said`.
    """

    kind: str
    id: str
    name: str
    when: datetime
    user: str
    digest: Digest
    is_latest: bool
    how: str


class Users(NamedTuple):
    """Who uses the artifact of this name, newest first; how many versions of it there are, and whether some are cut.

    `absent_count` pointers and records of the history are not here, as in a partial clone.
    """

    name: str
    uses: tuple[Use, ...]
    versions_count: int
    is_cut: bool
    absent_count: int


def who_uses(project: Project, path: str, *, every: bool = False) -> Users:
    """List who used any version of the artifact at `path`, or of that name; with `every` at every ref.

    Raises:
        UnknownPath: no version of the history has that name.
    """
    name = _name(project, path)

    def look(view: View) -> Users:
        versions = view.pointers(Narrowing("p.shown = ?", (name,)))
        digests = list(dict.fromkeys(Digest.parse(version.document["digest"]) for version in versions))
        latest = digests[0] if digests else None
        uses = [use for digest in digests for use in _uses(view, digest, digest == latest)]
        uses.sort(key=lambda use: (use.when, use.id), reverse=True)
        return Users(name, tuple(uses), len(versions), view.is_cut(), view.absent_count())

    found = catalog_of(project).ask(Scope(every=every, history=True), look)
    if not found.versions_count:
        names = catalog_of(project).ask(Scope(every=every, history=True), lambda view: view.names())
        raise UnknownPath(
            f"no version of `{display(path)}` is in the history",
            hint=nearest(name, names) or f"track find --all --history --name {typed(name)}",
        )
    return found


def _name(project: Project, path: str) -> str:
    given = project.relative(path)
    return text_of(data_path(given) if is_pointer_path(given) else given)


def _uses(view: View, digest: Digest, is_latest: bool) -> list[Use]:
    found = [
        Use("run", made.run, made.run_name, _at(made.started), made.user, digest, is_latest, made.how)
        for made in view.using(digest)
    ]
    for version in view.derived_from(digest):
        when = datetime.now(UTC) if version.created is None else _at(version.created)  # not committed yet
        found.append(Use("artifact", version.id, version.name, when, version.user or "", digest, is_latest, "said"))
    return found


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
