"""Remotes: which one is meant, whether this clone may use it, and the way to it.

A remote that a file of the repository names may come from a stranger. Reading from a folder beside the repository is
harmless, and so is reading from a bucket at its provider's own address, or over HTTPS as anybody. Everything
else, and a server or an account
that a file in the repository's folder names, waits until the person at the keyboard said so.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

from track import publish
from track.config import Layer
from track.errors import NoRemote, NotAStore, NotTrusted, RemoteError, RemoteUnreachable
from track.flows.identities import name_missing_key, refuse_loose_identity, with_keys
from track.flows.keeping import kept_here
from track.flows.whereabouts import base_of, noted_clone_id, whereabouts
from track.history.plumbing import Git
from track.locks import Lock
from track.model.names import display
from track.model.nearest import like
from track.model.wish import Wish, line
from track.project import Project
from track.runs import SHARED
from track.store.address import (
    Access,
    Address,
    AzureContainer,
    Bucket,
    Folder,
    GoogleBucket,
    WebFolder,
    is_relative,
    parse_address,
)
from track.store.backends.dotenv import read_dotenv, variables_of
from track.store.backends.web_login import netrc_login
from track.store.layout import DESCRIPTION
from track.store.limit import LimitedPlace, limiter_of
from track.store.purged import note_held
from track.store.record import explaining
from track.store.remote import Remote, open_remote

_FOREIGN = ("project", "clone")


class Named(NamedTuple):
    """A remote of the configuration: its URL as written, the layer that says so, and what that means."""

    name: str
    url: str
    layer: Layer
    address: Address

    @property
    def folder(self) -> Path | None:
        """The folder that it is, or None for any other place."""
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
        near = like(wanted, names, 1)
        hint = f"did you mean {display(near[0])} ?" if near else "track remote add NAME FOLDER"
        raise NoRemote(f"there is no remote called `{display(wanted)}` ({known})", hint=hint)
    return _named(project, wanted)


def _named(project: Project, name: str) -> Named:
    setting = project.config.setting(f"remote.{name}.url")
    url = str(setting.value)
    return Named(name, url, setting.layer, parse_address(url, base=base_of(project)))


def wish_of(project: Project, name: str, given: Named | None = None, access: Access | None = None) -> Wish | None:
    """What the remote of that name asks for, as lines; None when nothing of it may come from a stranger.

    That is what the committed and this clone's own files say of it (a repository that was unpacked brings both), and
    what `.env` says in their place. `given` and `access` are what the person says now, before it is written down.
    """
    named = given or _named(project, name)
    said = access or Access()
    lines = [line(f"remote.{name}.url", named.url)] if named.layer in _FOREIGN else []
    if isinstance(named.address, Folder):
        return Wish("remote", name, tuple(lines)) if lines else None
    for key, told in (("endpoint", said.endpoint), ("profile", said.profile)):
        setting = project.config.setting(f"remote.{name}.{key}")
        if told or (setting.value and setting.layer in _FOREIGN):
            lines.append(line(f"remote.{name}.{key}", told or setting.value))
    if isinstance(named.address, WebFolder) and (login := netrc_login(named.address.host)) is not None:
        lines.append(line("~/.netrc", f"{login.who} and a password for {named.address.host}"))
    lines.extend(_lines_of_dotenv(named.address, access_of(project, name), said))
    return Wish("remote", name, tuple(lines)) if lines else None


def _lines_of_dotenv(address: Address, known: Access, said: Access) -> Iterator[str]:
    """What `.env` says of the server and of whom we are there, where nothing before it does; keys apart."""
    found, names = read_dotenv(known.dotenv), variables_of(address)
    for group, told in (
        (names.endpoints, said.endpoint or known.endpoint),
        (names.choices, said.profile or known.profile),
    ):
        if not told and not any(map(os.environ.get, group)):
            yield from (line(f".env: {name}", found[name]) for name in group if found.get(name))


def refuse_strangers(project: Project, named: Named, *, sending: bool) -> None:
    """Refuse a remote that nobody here has allowed, except to read where reading is harmless.

    Raises:
        NotTrusted: the person here has not said that it may be used; the hint is the line that says so.
    """
    if (wish := waiting(project, named, sending=sending)) is None:
        return
    what = "sends nothing to" if sending else "reads nothing from"
    name = display(named.name)
    raise NotTrusted(
        f"remote `{name}` ({display(named.url)}) was named by the repository, not by you: track {what} it yet",
        hint=f"if you trust it: track trust {name}   (without a terminal: track trust --yes {name})",
        details=(f"it is {display(str(named.address))}", *wish.lines),
    )


def is_read_only(project: Project, named: Named) -> bool:
    """Whether nothing is ever sent to a remote: a web server's folder, or one that was marked so."""
    return isinstance(named.address, WebFolder) or project.config.is_on(f"remote.{named.name}.read-only")


def shares_runs(named: Named) -> bool:
    """Whether runs are shared at a remote; a web server's folder has none, and is not asked for them."""
    return not isinstance(named.address, WebFolder)


def refuse_read_only(project: Project, named: Named) -> None:
    """Refuse to send to a remote that is only read.

    Raises:
        RemoteError: it is such a one; the hint names another, when there is one.
    """
    if not is_read_only(project, named):
        return
    others = [one.name for one in all_named(project) if not is_read_only(project, one)]
    name = display(named.name)
    if others:
        hint = f"track push {display(others[0])}   always: track config push.to {display(others[0])}"
    else:
        hint = "name where it is written: track remote add NAME URL   then the same there, such as: track push NAME"
    if not isinstance(named.address, WebFolder):
        hint += f"\nif it shall be written to: track config remote.{name}.read-only false"
    raise RemoteError(f"remote `{name}` ({display(named.url)}) is only read: nothing is sent to it", hint=hint)


def waiting(project: Project, named: Named, *, sending: bool) -> Wish | None:
    """What the person here has to allow before the remote is read from, or sent to; None when nothing."""
    wish = wish_of(project, named.name)
    if wish is None or project.consents.has(wish):
        return None
    is_plain = wish.lines == (line(f"remote.{named.name}.url", named.url),)
    return None if not sending and is_plain and may_read(project, named.address) else wish


def may_read(project: Project, address: Address) -> bool:
    """Whether reading there is harmless, whoever named it: a folder beside the repository, a provider's own, HTTPS."""
    if isinstance(address, Folder):
        return is_beside(project, address.path)
    if isinstance(address, WebFolder):
        return not address.is_plain
    return isinstance(address, Bucket | AzureContainer | GoogleBucket)


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
    """The file of variables beside the project; one that came with the repository is not believed.

    It came with it when Git tracks it, and when a pointer says that it is data of the repository.
    """
    for top in dict.fromkeys((project.root, base_of(project))):
        path = top / ".env"
        if not path.is_file():
            continue
        git = project.git if top == project.root else Git(top)
        if not os.path.lexists(top / ".env.track") and not git.is_tracked([b".env", b".env.track"]):
            return path
        warning = "`.env` is tracked by Git, so it is not looked at for credentials: git rm --cached .env"
        if warning not in project.warnings:
            project.warnings.append(warning)
    return None


def is_beside(project: Project, folder: Path) -> bool:
    """Whether a folder lies in the folder that the repository lies in, and no link is on the way to it from there.

    Nothing outside of that folder is looked at: the name of a stranger's may be enough to mount a disk or a share.
    """
    near = base_of(project).parent
    parent = os.path.realpath(near)
    if parent == os.path.sep:
        return False
    whole = os.path.normpath(folder)
    for top in (str(near), parent):
        if whole == top or whole.startswith(top + os.path.sep):
            inner = whole[len(top) + 1 :].split(os.path.sep) if whole != top else []
            return not any(os.path.islink(os.path.join(parent, *inner[:end])) for end in range(1, len(inner) + 1))
    return False


def allow(project: Project, wish: Wish | None) -> None:
    """Remember that the person here allows this."""
    if wish is not None:
        project.consents.give([wish])


def remember_no_more(project: Project, name: str) -> None:
    """Forget what is known of the remote of that name: it is another one from now on, or none."""
    folder = project.state / "remotes"
    endings = ".db", ".db-journal", ".db-wal", ".db-shm", ".uploads", ".verified", ".tables", ".tables-journal"
    for ending in endings:
        with suppress(FileNotFoundError):
            publish.remove(folder / f"{name}{ending}")
    with suppress(FileNotFoundError):
        publish.remove_tree(project.state / SHARED / name)


def clone_id(project: Project) -> str:
    """The id of this clone, 32 hex digits, under which it writes at remotes; made when it has none.

    The file also names the inode of the folder that it lies in: a clone that was copied, file by file, is another one,
    and gets an id of its own, or each would take what the other said it needs for its own word. One that was moved is
    the same. An id that nobody has any more keeps what it named until it is forgotten: too much, never too little.
    """
    found, is_ours = noted_clone_id(project)
    if not is_ours:
        found = found or os.urandom(16).hex()
        path = project.state / "clone-id"
        publish.make_directories(path.parent)
        publish.publish_bytes(path, f"{found} {path.parent.stat().st_ino}\n".encode("ascii"))
    return found


@contextmanager
def connected(project: Project, named: Named, *, sending: bool, kept: bool = True) -> Iterator[Remote]:
    """The remote, open, its index read; when sending, no other push of this clone to it runs.

    Not `kept`, nothing is written here: what is learned of it is forgotten at the end.

    Raises:
        RemoteError: it may not be used, is not there, or is no store.
        Locked: another push of this clone to it takes longer than `lock.timeout`.
        NewerFormat: it was written by a later version.
    """
    if sending:
        refuse_read_only(project, named)
    refuse_strangers(project, named, sending=sending)
    folder = project.state / "remotes"
    record = folder / f"{named.name}.db"
    if kept:
        publish.make_directories(folder)
    alone = Lock(folder / f"{named.name}.lock").exclusive(project.config.seconds("lock.timeout"))
    with explaining(record), alone if sending else nullcontext(), _opened(project, named, record, kept) as remote:
        remote.keep = kept_here(project)
        if kept:
            remote.hear = lambda purged: note_held(project.store, purged, remote.store_id) if purged else None
        remote.refresh()
        remote.known.note_reached(whereabouts(project, named.name))
        yield remote


def _opened(project: Project, named: Named, record: Path, kept: bool) -> Remote:
    try:
        access = Access()
        if not isinstance(named.address, Folder):
            uploads = record.with_name(f"{named.name}.uploads")
            access = access_of(project, named.name)._replace(uploads=uploads)
        access = with_keys(project, named.name, access)
        base = base_of(project)
        remote = open_remote(named.url, name=named.name, base=base, record=record, access=access, kept=kept)
        if remote.key_id is not None:
            refuse_loose_identity(project)
            name_missing_key(project, named.name, remote.key_id)
        if rate := project.config.size("transfer.rate"):
            remote.place = LimitedPlace(remote.place, limiter_of(rate))
        return remote
    except RemoteError as error:
        message = f"remote `{display(named.name)}`: {error.message}"
        details, hint = error.details, error.hint
        folder = named.folder if isinstance(error, RemoteUnreachable | NotAStore) else None
        if folder is not None and is_relative(named.url) and not os.path.lexists(folder / DESCRIPTION):
            details = (*details, f"{_line_of(project, named)}: from the top of the repository, here {base_of(project)}")
            hint = f"where it is for this clone: track config remote.{named.name}.url FOLDER"
        raise type(error)(message, hint=hint, details=details) from error


def _line_of(project: Project, named: Named) -> str:
    """Where the address of a remote is set: the file, the line, and what it says."""
    file = project.config.setting(f"remote.{named.name}.url").source
    said = f'url = "{named.url}"'
    with suppress(OSError, ValueError):
        lines = Path(file).read_text("utf-8").splitlines()
        numbers = [number for number, line in enumerate(lines, 1) if line.split("#")[0].strip() == said]
        if len(numbers) == 1:
            return display(f"{file}, line {numbers[0]}: {said}")
    return display(f"{file}: {said}")
