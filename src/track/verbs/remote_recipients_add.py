"""Remote recipients add: have somebody else open an encrypted remote, too."""

from collections.abc import Sequence
from dataclasses import dataclass

from track.flows.identities import with_keys
from track.flows.remotes import choose, connected
from track.project import Project
from track.store.address import Access
from track.store.backends.keys import add_recipients


@dataclass(frozen=True, slots=True)
class RecipientsAdded:
    """What was done: those `added` could not open it before."""

    name: str
    url: str
    added: tuple[str, ...]


def remote_recipients_add(project: Project, name: str, recipients: Sequence[str]) -> RecipientsAdded:
    """Wrap the key of a remote for more recipients, who can then open all that is in it, and whatever comes.

    It cannot be taken back: who has the key keeps it. Interrupted, all of them are added, or none.

    Raises:
        NoRemote: the project names no such remote.
        UsageError: one of them is no recipient, or the remote is not encrypted.
        BadCredentials: no identity of the person here opens it.
        RemoteError: it is only read, is not there, or this clone was not told that it may use it.
        Locked: a push of this clone to it takes too long.
    """
    named = choose(project, name)
    with connected(project, named, sending=True) as remote:
        access = with_keys(project, named.name, Access())
        return RecipientsAdded(named.name, named.url, add_recipients(remote.place, recipients, access))
