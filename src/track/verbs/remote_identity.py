"""Remote identity: which age identities of the person here open encrypted remotes; with `new`, one is made."""

from dataclasses import dataclass
from pathlib import Path

from track.flows.identities import identity_file, refuse_loose_identity
from track.project import Project
from track.store.backends.keys import make_identity, own_recipients


@dataclass(frozen=True, slots=True)
class RemoteIdentity:
    """The file, and the recipients that belong to it: what others need to know. `is_new` when it was made."""

    source: Path
    recipients: tuple[str, ...]
    is_new: bool


def remote_identity(project: Project, *, new: bool = False) -> RemoteIdentity:
    """The recipients of the person here; none for a key of SSH. With `new`, a file with an identity is made.

    Raises:
        BadCredentials: there is no such file, no identity is in it, or it lies in this repository.
        Conflict: one shall be made, and a file is there already.
        RemoteError: the library for that is not installed.
    """
    path = identity_file(project)
    if new:
        refuse_loose_identity(project)
        return RemoteIdentity(path, (make_identity(path),), True)
    found = own_recipients(path)
    refuse_loose_identity(project)
    return RemoteIdentity(path, found, False)
