"""Who uses: the runs, and the pointers, in the whole history that say they were made from an artifact."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from track.errors import UnknownPath, UnknownRevision
from track.flows.candidates import ambiguous, of_name, of_path
from track.flows.catalogued import catalog_of
from track.flows.named_place import place_named
from track.flows.named_versions import LATEST, asked_of, choose
from track.history.catalog import Scope
from track.history.catalog_query import Narrowing
from track.history.catalog_view import Version, View
from track.model.digest import Digest
from track.model.names import data_path, display, is_named_pointer, is_pointer_path, parse_artifact_name, text_of, typed
from track.model.nearest import nearest
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


def who_uses(project: Project, words: str, *, every: bool = False) -> Users:
    """List who used any version of the artifact at a path or of a name, or the one that `NAME@VERSION` means.

    With `every` they are looked for at every ref. A path that begins with `./` is no name.

    Raises:
        UnknownPath: no version of the history has that name.
        UsageError: a path and a named artifact are called so.
    """
    name, wanted = _asked(project, words)

    def look(view: View) -> Users:
        versions = view.pointers(Narrowing("p.shown = ?", (name,)))
        kinds = {is_named_pointer(version.path or b"") for version in versions}
        if wanted.is_named is None and len(kinds) > 1:
            raise ambiguous(words, [of_path("", words), of_name(words)])
        versions = [one for one in versions if wanted.is_named in (None, is_named_pointer(one.path or b""))]
        digests = list(dict.fromkeys(Digest.parse(version.document["digest"]) for version in versions))
        latest = _latest(versions)
        chosen = [digest for digest in digests if wanted.digest in (None, digest)]
        uses = [use for digest in chosen for use in _uses(view, digest, digest in latest)]
        uses.sort(key=lambda use: (use.when, use.id), reverse=True)
        count = len({(version.path, version.document["digest"]) for version in versions if wanted.digest is None})
        return Users(name, tuple(uses), count or len(chosen), view.is_cut(), view.absent_count())

    found = catalog_of(project).ask(Scope(every=every, history=True), look)
    if not found.versions_count:
        names = catalog_of(project).ask(Scope(every=every, history=True), lambda view: view.names())
        raise UnknownPath(
            f"no version of `{display(words)}` is in the history",
            hint=nearest(name, names) or f"track find --all --history --name {typed(name)}",
        )
    return found


class _Wanted(NamedTuple):
    """Of what is called so: a named artifact or a path (None: not said), and which content of it (None: any)."""

    is_named: bool | None
    digest: Digest | None = None


def _asked(project: Project, words: str) -> tuple[str, _Wanted]:
    given = project.relative(words)
    if is_named_pointer(given):
        located = place_named(project, words)
        return parse_artifact_name(given), _Wanted(True, located.pointer.digest)
    if "@" in words and not words.startswith(("./", "../", "/")):
        asked = asked_of(words)
        if asked.version == LATEST:  # the name, as where a path is called so, too
            return asked.name, _Wanted(True)
        with suppress(UnknownPath, UnknownRevision):  # a path may have an @ in it
            return asked.name, _Wanted(True, choose(project, asked).pointer.digest)
    name = text_of(data_path(given) if is_pointer_path(given) else given)
    is_path = words.startswith(("./", "../", "/")) or is_pointer_path(given)
    return name, _Wanted(False if is_path else None)


def _latest(versions: Sequence[Version]) -> set[Digest]:
    """What stands now: the newest of each pointer."""
    newest: dict[bytes | None, Digest] = {}
    for version in versions:
        newest.setdefault(version.path, Digest.parse(version.document["digest"]))
    return set(newest.values())


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
