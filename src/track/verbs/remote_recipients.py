"""Remote recipients: who can open an encrypted remote."""

from dataclasses import dataclass

from track.flows.remotes import choose, connected
from track.project import Project
from track.store.backends.keys import recipients_at


@dataclass(frozen=True, slots=True)
class RemoteRecipients:
    """Who can open a remote, as its server says; nobody in particular where it is not encrypted."""

    name: str
    url: str
    recipients: tuple[str, ...]


def remote_recipients(project: Project, name: str | None = None) -> RemoteRecipients:
    """The recipients of a remote (default: the default one).

    Raises:
        NoRemote: the project names no such remote.
        RemoteError: it is not there, is no store, or this clone was not told that it may use it.
        BadCredentials: it is encrypted, and no identity of the person here opens it.
    """
    named = choose(project, name)
    with connected(project, named, sending=False) as remote:
        return RemoteRecipients(named.name, named.url, recipients_at(remote.place))
