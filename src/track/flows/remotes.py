"""Remotes: which one is meant, whether this clone may use it, and the way to it.

A remote that only committed configuration names may come from a stranger. Reading from a folder beside the repository
is harmless, and so is reading from a bucket: which server is asked, and as whom, is never said by what is committed.
Everything else waits until the person at the keyboard said so with `track remote add`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from track import publish
from track.config import Layer
from track.errors import NoRemote, RemoteError
from track.locks import Lock
from track.model.digest import digest_of
from track.model.names import display
from track.project import Project
from track.store.address import Access, Address, Bucket, Folder, parse_address
from track.store.known import explaining
from track.store.remote import Remote, open_remote

_CONSENT = "consent"


class Named(NamedTuple):
    """A remote of the configuration: its URL as written, the layer that says so, and what that means."""

    name: str
    url: str
    layer: Layer
    address: Address

    @property
    def folder(self) -> Path | None:
        """The folder that it is, or None for a bucket."""
        return self.address.path if isinstance(self.address, Folder) else None


def all_named(project: Project) -> tuple[Named, ...]:
    """Every remote of the configuration, sorted by name.

    Raises:
        UsageError: one of them is of a kind that this version does not reach.
    """
    return tuple(_named(project, name) for name in project.config.names("remote.*.url"))


def default_name(project: Project) -> str | None:
    """The remote that is meant when none is named: the one configured, else the only one, else `origin`."""
    if chosen := project.config.text("core.remote"):
        return chosen
    names = project.config.names("remote.*.url")
    return names[0] if len(names) == 1 else "origin" if "origin" in names else None


def choose(project: Project, name: str | None = None) -> Named:
    """The remote of that name, or the default one.

    Raises:
        NoRemote: there is none.
        UsageError: it is of a kind that this version does not reach.
    """
    names = project.config.names("remote.*.url")
    wanted = name if name is not None else default_name(project)
    if not names:
        raise NoRemote("this project has no remote", hint="track remote add origin FOLDER")
    known = "known: " + ", ".join(map(display, names))
    if wanted is None:
        raise NoRemote(f"no remote is the default one ({known})", hint="track config core.remote NAME")
    if wanted not in names:
        raise NoRemote(f"there is no remote called `{display(wanted)}` ({known})", hint="track remote add NAME FOLDER")
    return _named(project, wanted)


def base_of(project: Project) -> Path:
    """The folder that relative addresses start from: the top of the main working tree, whichever we are in."""
    common = project.git.common_dir
    return common.parent if common.name == ".git" else project.root


def _named(project: Project, name: str) -> Named:
    setting = project.config.setting(f"remote.{name}.url")
    url = str(setting.value)
    return Named(name, url, setting.layer, parse_address(url, base=base_of(project)))


def refuse_strangers(project: Project, named: Named, *, sending: bool) -> None:
    """Refuse a remote that only the repository itself names, except to read from a folder beside it.

    Raises:
        RemoteError: the person here has not said that it may be used; the hint is the line that says so.
    """
    if named.layer != "project" or has_consent(project, named.url):
        return
    if not sending and may_read(project, named.address):
        return
    what = "sends nothing to" if sending else "reads nothing from"
    raise RemoteError(
        f"remote `{display(named.name)}` ({display(named.url)}) was named by the repository, not by you: "
        f"track {what} it yet",
        hint=f"if you trust it: track remote add {display(named.name)} {display(named.url)}",
        details=(f"it is {display(str(named.address))}",),
    )


def may_read(project: Project, address: Address) -> bool:
    """Whether reading there is harmless, whoever named it: a folder beside the repository, or a bucket."""
    return isinstance(address, Bucket) or is_beside(project, address.path)


def access_of(project: Project, name: str) -> Access:
    """How the remote of that name is reached: what this clone and the environment say, never what is committed.

    Of what is committed only the region is believed. `.env` counts while Git does not track it.
    """
    config = project.config
    return Access(
        endpoint=config.text(f"remote.{name}.endpoint"),
        region=config.text(f"remote.{name}.region"),
        profile=config.text(f"remote.{name}.profile"),
        dotenv=_dotenv(project),
    )


def _dotenv(project: Project) -> Path | None:
    """The file of variables beside the project; one that Git tracks came with the repository and is not believed."""
    for top in dict.fromkeys((project.root, base_of(project))):
        path = top / ".env"
        if not path.is_file():
            continue
        if not project.git.is_tracked([b".env"]):
            return path
        project.warnings.append(
            "`.env` is tracked by Git, so it is not looked at for credentials: git rm --cached .env   and ignore it"
        )
    return None


def is_beside(project: Project, folder: Path) -> bool:
    """Whether a folder lies in the folder that the repository lies in, links followed."""
    parent = os.path.realpath(base_of(project).parent)
    return os.path.commonpath((parent, os.path.realpath(folder))) == parent and parent != os.path.sep


def has_consent(project: Project, url: str) -> bool:
    """Whether the person here has said that this clone may use what the configuration calls so."""
    try:
        lines = (project.state / _CONSENT).read_bytes().splitlines()
    except FileNotFoundError:
        return False
    return _consent_line(url) in lines


def give_consent(project: Project, url: str) -> None:
    """Remember that the person here has said so; for this clone alone."""
    if not has_consent(project, url):
        path = project.state / _CONSENT
        before = path.read_bytes() if path.exists() else b""
        publish.make_directories(path.parent)
        publish.publish_bytes(path, before + _consent_line(url) + b"\n", mode=0o600)


def remember_no_more(project: Project, name: str) -> None:
    """Forget what is known of the remote of that name: it is another one from now on, or none."""
    folder = project.state / "remotes"
    for ending in (".db", ".db-journal", ".db-wal", ".db-shm"):
        with suppress(FileNotFoundError):
            publish.remove(folder / f"{name}{ending}")


def _consent_line(url: str) -> bytes:
    return f"{digest_of(url.encode('utf-8', 'surrogateescape')).hex()} {display(url)}".encode()


def clone_id(project: Project) -> str:
    """The id of this clone, 32 hex digits, under which it writes at remotes; made when it has none."""
    path = project.state / "clone-id"
    try:
        found = path.read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        found = ""
    if len(found) != 32 or not set(found) <= set("0123456789abcdef"):
        found = uuid4().hex
        publish.make_directories(path.parent)
        publish.publish_bytes(path, found.encode() + b"\n")
    return found


@contextmanager
def connected(project: Project, named: Named, *, sending: bool) -> Iterator[Remote]:
    """The remote, open, its index read; when sending, no other push of this clone to it runs.

    Raises:
        RemoteError: it may not be used, is not there, or is no store.
        Locked: another push of this clone to it takes longer than `lock.timeout`.
        NewerFormat: it was written by a later version.
    """
    refuse_strangers(project, named, sending=sending)
    folder = project.state / "remotes"
    record = folder / f"{named.name}.db"
    publish.make_directories(folder)
    alone = Lock(folder / f"{named.name}.lock").exclusive(project.config.seconds("lock.timeout"))
    with explaining(record), alone if sending else nullcontext(), _opened(project, named, record) as remote:
        remote.refresh()
        yield remote


def _opened(project: Project, named: Named, record: Path) -> Remote:
    try:
        access = access_of(project, named.name) if isinstance(named.address, Bucket) else None
        return open_remote(named.url, name=named.name, base=base_of(project), record=record, access=access)
    except RemoteError as error:
        message = f"remote `{display(named.name)}`: {error.message}"
        raise type(error)(message, hint=error.hint, details=error.details) from error
