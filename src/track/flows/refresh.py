"""Refresh: remotes are asked what they have, so that the record of each is as of now; nothing of the data comes."""

from track.errors import NewerFormat, RemoteError, TrackError
from track.flows.remotes import all_named, connected
from track.model.names import display
from track.project import Project


def refresh_all(project: Project) -> tuple[TrackError, ...]:
    """Ask every remote; why some could not be asked, an error each. What is known of those stays as it was."""
    failed: list[TrackError] = []
    for named in all_named(project):
        try:
            with connected(project, named, sending=False):
                continue
        except (RemoteError, NewerFormat) as error:
            error.message = f"`{display(named.name)}` could not be asked: {error.message}"
            failed.append(error)
    return tuple(failed)
