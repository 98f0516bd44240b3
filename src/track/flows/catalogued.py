"""The catalog of a project, opened when somebody asks it."""

from typing import NamedTuple

from track.history.catalog import Catalog, Scope
from track.history.catalog_view import Unreadable, View
from track.project import Project


def catalog_of(project: Project) -> Catalog:
    """The catalog of the whole repository, closed with the project.

    It is brought up to date by every question: `catalog_of(project).ask(Scope(history=True), lambda view: …)`. See
    `history.catalog` for what a scope is, and `history.catalog_view` for what can be asked.
    """
    return project.held("catalog", lambda: Catalog(project.git, project.state / "catalog.db"))


class PassedOver(NamedTuple):
    """What of every ref's history is not looked at: how many pointers and records are not here, as in a partial clone,
    and which were committed and cannot be read.
    """

    absent_count: int
    unreadable: tuple[Unreadable, ...]


def passed_over(project: Project) -> PassedOver:
    """What of every ref's history can tell nothing."""

    def look(view: View) -> PassedOver:
        return PassedOver(view.absent_count(), tuple(one for one in view.unreadable() if one.commit is not None))

    return catalog_of(project).ask(Scope(every=True, history=True), look)
