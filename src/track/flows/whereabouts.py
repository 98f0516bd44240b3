"""Whereabouts: where the remotes of the configuration are, and what the offline record of each is believed to say.

A record is of the place that was asked. Under the same name there may be another place by now, or none; of those
nothing is believed. Quick to import: `status` and `pre-push` ask here, and no remote is asked.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from track.errors import UsageError
from track.project import Project
from track.store.address import Access, is_relative, parse_address
from track.store.backends.leading import led_by
from track.store.known import Known, recorded
from track.store.record import Stale

FRESH_S = 3600.0
"""How long, after a remote was asked, a `git push` relies on what it said."""


def base_of(project: Project) -> Path:
    """The folder that relative addresses start from: the top of the main working tree, whichever we are in."""
    if project.stands_at is not None:
        return project.stands_at
    common = project.git.common_dir
    return common.parent if common.name == ".git" else project.root


def whereabouts(project: Project, name: str) -> str:
    """The place that the remote of that name is now: another text for another place.

    The configuration says it, and where it does not, what else decides to which server an address leads.
    """
    url = str(project.config.setting(f"remote.{name}.url").value)
    base = str(base_of(project)) if is_relative(url) else ""
    endpoint = project.config.text(f"remote.{name}.endpoint") or ""
    said = "\n".join((url, base, endpoint))
    if endpoint:
        return said
    tops = dict.fromkeys((project.root, base_of(project)))
    dotenv = next((top / ".env" for top in tops if (top / ".env").is_file()), None)
    with suppress(UsageError):  # no address: whoever goes there is told
        access = Access(profile=project.config.text(f"remote.{name}.profile"), dotenv=dotenv)
        if server := led_by(parse_address(url, base=base_of(project)), access):
            return f"{said}\n{server}"
    return said


def noted_clone_id(project: Project) -> tuple[str, bool]:
    """(the id of this clone as it was noted, whether it is of this very folder); "" where none was."""
    path = project.state / "clone-id"
    try:
        found, _, where = path.read_text("ascii").strip().partition(" ")
        here = str(path.parent.stat().st_ino)
    except (OSError, UnicodeDecodeError):
        return "", False
    if len(found) != 32 or not set(found) <= set("0123456789abcdef") or where not in ("", here):
        return "", False
    return found, where == here


def store_before(project: Project, name: str) -> str:
    """The id of the store that was at a remote when it was last asked, at the place where it is now; "" where none."""
    with suppress(sqlite3.Error, Stale), recorded(project.state / "remotes" / f"{name}.db") as known:
        if known.reached == whereabouts(project, name):
            return known.store_id
    return ""


def believed(project: Project, digests: Iterable[bytes]) -> set[bytes]:
    """Those of the root digests that some remote had whole when it was last asked; nothing is written."""
    wanted = list(digests)
    found: set[bytes] = set()
    for name, known in _records(project):
        if known.reached in (None, whereabouts(project, name)):  # None: by a version that did not note it
            found |= known.complete(wanted)
    return found


def relied_on(project: Project, digests: Iterable[bytes], *, now_s: float) -> set[bytes]:
    """Those of the root digests that others may be told of without asking again, at `now_s` (seconds since 1970).

    This clone said at a remote that it needs them, so that no collection of another clone takes them; and not longer
    ago than `FRESH_S` the remote still had that.
    """
    wanted = list(digests)
    writer, is_ours = noted_clone_id(project)
    found: set[bytes] = set()
    for name, known in _records(project) if writer and is_ours else ():
        confirmed_s = known.confirmed_s
        is_fresh = confirmed_s is not None and 0 <= now_s - confirmed_s <= FRESH_S
        if is_fresh and known.reached == whereabouts(project, name):
            found |= known.complete(wanted, writer)
    return found


def _records(project: Project) -> Iterator[tuple[str, Known]]:
    for name in project.config.names("remote.*.url"):
        with suppress(sqlite3.Error, Stale), recorded(project.state / "remotes" / f"{name}.db") as known:
            yield name, known
