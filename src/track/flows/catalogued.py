"""The catalog of a project, opened when somebody asks it."""

from track.history.catalog import Catalog, Scope
from track.project import Project


def catalog_of(project: Project) -> Catalog:
    """The catalog of the whole repository, closed with the project.

    It is brought up to date by every question: `catalog_of(project).ask(Scope(history=True), lambda view: …)`. See
    `history.catalog` for what a scope is, and `history.catalog_view` for what can be asked.
    """
    return project.held("catalog", lambda: Catalog(project.git, project.state / "catalog.db"))


def absent_everywhere(project: Project) -> int:
    """How many pointers and records of every ref's history are not here, as in a partial clone."""
    return catalog_of(project).ask(Scope(every=True, history=True), lambda view: view.absent_count())
