"""The journal of a project, for whoever asks about runs without beginning one."""

from track.project import Project
from track.runs.journal import Journal


def journal_of(project: Project) -> Journal:
    """The journal of this clone."""
    return Journal(project.state)
