"""Remote publish: make the list by which a remote is read through a web server, which cannot be asked what it has."""

from dataclasses import dataclass

from track.flows.remotes import choose, connected
from track.project import Project
from track.store.abilities import publish


@dataclass(frozen=True, slots=True)
class RemotePublished:
    """What was done: `keys_count` is how much the list names, `is_new` when the remote had none."""

    name: str
    url: str
    keys_count: int
    is_new: bool


def remote_publish(project: Project, name: str | None = None) -> RemotePublished:
    """Make a list of what is in a remote (default: the default one); every later push to it makes the list anew.

    Interrupted, the list is the old one, or a whole new one; run again, it is made.

    Raises:
        NoRemote: the project names no such remote.
        RemoteError: it is only read, is not there, is no store, or this clone was not told that it may use it.
        Locked: a push of this clone to it takes too long.
    """
    named = choose(project, name)
    with connected(project, named, sending=True) as remote:
        is_new = not remote.abilities.listing
        return RemotePublished(named.name, named.url, publish(remote.place), is_new)
