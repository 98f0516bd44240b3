"""The catalog of a project, opened when somebody asks it."""

from track.history.catalog import Catalog
from track.project import Project


def catalog_of(project: Project) -> Catalog:
    """The catalog of the whole repository, closed with the project.

    It is brought up to date by every question: `catalog_of(project).ask(Scope(history=True), lambda view: …)`. See
    `history.catalog` for what a scope is, and `history.catalog_view` for what can be asked.
    """
    return project.held("catalog", lambda: Catalog(project.git, project.state / "catalog.db"))
