"""Routes: to which remotes something goes, and from which one, in what order, it comes.

The offline record decides before anybody is asked: who is known to have everything comes first. Among equals it is the
order that was configured, else the default remote, then folders, which are near, before servers.
"""

from collections.abc import Sequence

from track.flows.reach import Version
from track.flows.remotes import Named, all_named, choose, default_name
from track.model.expressions import expression
from track.project import Project
from track.store.known import complete_in

_BETWEEN = expression(r"[\s,]+")


def targets(project: Project, names: Sequence[str] = ()) -> tuple[Named, ...]:
    """The remotes that a push goes to: those named, else those of `push.to`, else the default one; each once.

    Raises:
        NoRemote: there is none of such a name, or none at all.
        UsageError: one is of a kind that this version does not reach.
    """
    wanted = tuple(dict.fromkeys(names)) or _listed(project, "push.to")
    return tuple(choose(project, name) for name in wanted) if wanted else (choose(project),)


def sources(project: Project, versions: Sequence[Version], name: str | None = None) -> tuple[Named, ...]:
    """The remotes to ask for these versions, the best one first: the one named alone, or all of them.

    Raises:
        NoRemote: there is none of that name, or none at all.
        UsageError: one is of a kind that this version does not reach.
    """
    if name is not None or not project.config.names("remote.*.url"):
        return (choose(project, name),)
    order = _listed(project, "fetch.from")
    for one in order:
        choose(project, one)  # a name that is none is said, before somebody wonders why it was not asked
    default = default_name(project)
    digests = {version.pointer.digest for version in versions if version.pointer.kind != "value"}

    def rank(named: Named) -> tuple[bool, int, bool, bool, str]:
        record = project.state / "remotes" / f"{named.name}.db"
        lacks = len(complete_in(record, digests)) < len(digests)
        place = order.index(named.name) if named.name in order else len(order)
        return lacks, place, named.name != default, named.folder is None, named.name

    return tuple(sorted(all_named(project), key=rank))


def _listed(project: Project, key: str) -> tuple[str, ...]:
    """The names in a setting, each once."""
    return tuple(dict.fromkeys(filter(None, _BETWEEN.split(project.config.text(key) or ""))))
