"""Dropped: what a keep policy gave up is told as that, wherever it is missed."""

import time
from collections.abc import Sequence

from track.errors import MissingObject
from track.flows.reach import Version
from track.model.names import display
from track.project import Project
from track.store.dropped import Dropped, dropped_in, note_dropped
from track.store.holders import read_holders
from track.store.remote import Remote

_SHOWN = 5


def learn(project: Project, remote: Remote, versions: Sequence[Version]) -> None:
    """Remember here which of these versions, that a remote has not, were given up there, and by whose policy."""
    holders = read_holders(remote.place)
    dropped, policies = holders.dropped(), holders.policies()
    for version in versions:
        if (writer := dropped.get(bytes(version.pointer.digest))) is not None:
            on = time.strftime("%Y-%m-%d", time.gmtime(holders.writers[writer]))
            why = Dropped(on, str(policies[writer]), f"{remote.name} (clone {writer[:8]})")
            note_dropped(project.store.rooms, [version.pointer.digest], why)


def explain(project: Project, error: MissingObject, versions: Sequence[Version], *, is_final: bool) -> MissingObject:
    """Where versions that are missed were given up by a policy, as far as it is known here, say so in the error.

    It `is_final` when every remote was asked.
    """
    known = dropped_in(project.store.rooms)
    lines = []
    for version in versions:
        if why := known.get(bytes(version.pointer.digest)):
            where = f"at {why.place}" if why.place else "here"
            lines.append(f"{display(version.path)}: given up {where} by {why.on}, keeping `{why.policy}` (gc.keep)")
    if lines:
        more = (f"and {len(lines) - _SHOWN:,} more",) if len(lines) > _SHOWN else ()
        error.details = (*error.details, *lines[:_SHOWN], *more)
        if is_final:
            error.hint = "in a clone that still has it: track push      else choose a newer version: track log"
    return error
