"""The place of an export: a folder, or one behind a URL, that holds tables of many repositories and nothing else.

`<table>/<repository>.parquet` is the file of one repository. Who exports replaces those of its own repository, which it
knows by what their metadata says, and touches no other.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from track import publish
from track.errors import Conflict, UsageError
from track.flows.whereabouts import base_of
from track.formats.known import said_of_table
from track.model.digest import Digest
from track.model.expressions import expression
from track.model.names import display, typed
from track.model.tables import TABLES
from track.progress import Progress
from track.project import Project
from track.store.address import Access, Address, Bucket, Folder, WebFolder, parse_address
from track.store.backends.opening import make_place, open_place
from track.store.hashing import hash_fd
from track.store.place import NoSuchKey, Place

_NAME = expression(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_OURS = expression(rf"(?:{'|'.join(table.name for table in TABLES)})/{_NAME.pattern}\.parquet")
_STAGED = expression(r"staging/[0-9]+\.[0-9]+\.[0-9a-f]+\.[0-9a-f]+")  # what a killed export left in a folder
_SHOWN = 5
_TAIL = 8


class Identity(NamedTuple):
    """What a repository is called among others, and its first commit, "" where that is not known here."""

    name: str
    root: str


def identity_of(project: Project, name: str | None) -> Identity:
    """The identity of the repository: by `name`, else by its first commit, which all clones of it have.

    Raises:
        UsageError: the name cannot be one, or there is none and the first commit is not here.
    """
    if name is not None and _NAME.fullmatch(name) is None:
        raise UsageError(
            f"`{display(name)}` cannot name a repository: letters, digits, - _ and . inside, at most 100",
            hint="--repository team-project",
        )
    root = _root_of(project)
    if name is None and not root:
        why = "this clone is shallow, so" if project.git.head() is not None else "nothing is committed yet, so"
        raise UsageError(f"{why} there is no first commit to name the repository by", hint="--repository NAME")
    return Identity(name or root[:16], root)


def _root_of(project: Project) -> str:
    """The commit that the first parents of HEAD lead to; "" where there is none, or it is cut off."""
    git = project.git
    with suppress(OSError):
        if (git.common_dir / "shallow").stat().st_size:
            return ""
    if git.head() is None:
        return ""
    # As the commits are, whatever somebody replaced for themselves: every clone has to say the same.
    asked = ("--no-replace-objects", "rev-list", "--first-parent", "--max-parents=0", "HEAD")
    return git.run(*asked).decode("ascii").strip()


def address_of(project: Project, target: str, access: Access) -> Address:
    """The place that is meant, from where we are.

    Raises:
        UsageError: it is no place, is in this repository, cannot be written, or is not reached as `access` says.
    """
    address = parse_address(target, base=project.cwd)
    if isinstance(address, WebFolder):
        raise UsageError(
            f"{display(str(address))} is a web server's folder, which is only read", hint="s3://, webdavs://…"
        )
    if not isinstance(address, Bucket) and (access.endpoint or access.region or access.profile):
        raise UsageError("--endpoint, --region and --profile say how a bucket of S3 is reached; this is another place")
    if isinstance(address, Folder):
        _refuse_odd_folder(project, address.path)
    return address


def _refuse_odd_folder(project: Project, folder: Path) -> None:
    resolved = Path(os.path.realpath(folder))
    for inside, what in ((project.root, "this working tree"), (project.git.common_dir, "this repository")):
        if resolved.is_relative_to(os.path.realpath(inside)):
            raise UsageError(
                f"{display(str(folder))} lies in {what}, where an export is not data of it",
                hint=f"name a folder beside it, such as {display(str(base_of(project).parent / 'catalog'))}",
            )
    if os.path.lexists(folder) and not folder.is_dir():
        raise UsageError(f"{display(str(folder))} is no folder", hint="name a folder that is empty, or not there yet")


class Opened(NamedTuple):
    """A place for exports, None where it is not there yet; and under which other names it has a repository with the
    same first commit, where it has none of the own name: a fork, or the same one.
    """

    place: Place | None
    alike: tuple[str, ...]


def open_for_export(address: Address, access: Access, identity: Identity, *, make: bool) -> Opened:
    """The place, looked through: nothing but exports is there, and what has our name is ours.

    With `make` a folder that is absent is made.

    Raises:
        Conflict: something else is there, or what has our name is another repository's.
        RemoteError: the place does not answer, or refuses.
    """
    if isinstance(address, Folder):
        if make:
            publish.make_directories(address.path)
        elif not address.path.is_dir():
            return Opened(None, ())
    elif make:
        make_place(address, access)
    place = open_place(address, access)
    keys = list(_keys(address, place))
    strangers = [key for key in keys if _OURS.fullmatch(key) is None and _STAGED.fullmatch(key) is None]
    if strangers:
        more = f" and {len(strangers) - _SHOWN} more" if len(strangers) > _SHOWN else ""
        raise Conflict(
            f"{place.url} has something else in it than exports: nothing was written",
            hint="name a place of its own: an empty folder or prefix, or one that does not exist yet",
            details=tuple(display(key) for key in sorted(strangers)[:_SHOWN]) + ((more.strip(),) if more else ()),
        )
    own = [key for key in keys if key in own_keys(identity)]
    for key in own:
        _refuse_others(place, key, identity)
    return Opened(place, () if own or not identity.root else tuple(_alike(place, keys, identity)))


def refuse_alike(identity: Identity, opened: Opened, address: Address) -> None:
    """Refuse to write under a name that nobody gave what is there under another one: its rows would count twice.

    Raises:
        Conflict: that is so; how to replace what is there is told, and how to have both.
    """
    if not opened.alike:
        return
    where, names = display(str(address)), opened.alike[:_SHOWN]
    again = "   or   ".join(f"--repository {name}" for name in names)
    raise Conflict(
        f"{where} has a repository with this first commit already, as {', '.join(names)}: nothing was written, "
        "as its rows would count twice",
        hint=f"track catalog export {typed(str(address))} {again}   to replace that; "
        f"--repository {identity.name}   to have both, where it is a fork",
    )


def _alike(place: Place, keys: Iterable[str], identity: Identity) -> Iterator[str]:
    """The names of what is there and has the same first commit, sorted; one file of each is asked."""
    table = f"{TABLES[0].name}/"
    for key in sorted(key for key in keys if key.startswith(table)):
        said = _said_there(place, key) or {}
        if said.get("root") == identity.root and "repository" in said:
            yield said["repository"]


def own_keys(identity: Identity) -> tuple[str, ...]:
    """The keys of the files of a repository, in the order of TABLES."""
    return tuple(f"{table.name}/{identity.name}.parquet" for table in TABLES)


def _keys(address: Address, place: Place) -> Iterator[str]:
    """What is there, as far as it takes to know whether it is an export."""
    if not isinstance(address, Folder):
        yield from (one.key for one in place.list(""))
        return
    for item in os.scandir(address.path):
        if item.is_dir(follow_symlinks=False):
            inner = list(os.scandir(item.path))
            plain = [one.is_file(follow_symlinks=False) for one in inner]
            yield from (
                f"{item.name}/{one.name}{'' if is_file else '/'}" for one, is_file in zip(inner, plain, strict=True)
            )
            if not inner and item.name not in {"staging", *(table.name for table in TABLES)}:
                yield f"{item.name}/"
        else:
            yield item.name


def _refuse_others(place: Place, key: str, identity: Identity) -> None:
    """Refuse to replace what says that it is of another repository, or says nothing."""
    said = _said_there(place, key)
    if said is None:
        return
    root = said.get("root", "")
    if said.get("repository") == identity.name and (not root or not identity.root or root == identity.root):
        return
    if said.get("repository") is None:
        raise Conflict(
            f"{place.url}: {key} was not written by an export of track: nothing was replaced",
            hint="move it away, or give this repository another name: --repository NAME",
        )
    raise Conflict(
        f"{place.url}: {key} is of another repository with this name: nothing was replaced",
        hint="give this one another: --repository NAME   or, if the history was rewritten, remove the old files",
        details=(f"the first commit is {root[:16] or 'unknown'} there, {identity.root[:16] or 'unknown'} here",),
    )


def _said_there(place: Place, key: str) -> Mapping[str, str] | None:
    """What the file says in its metadata; empty for one of somebody else, None when it went meanwhile."""
    try:
        size = place.size(key) or 0
        tail = bytes(place.get_range(key, max(0, size - _TAIL), _TAIL))
        length = int.from_bytes(tail[:4], "little") + _TAIL
        if tail[4:] != b"PAR1" or length > size:
            return {}
        return said_of_table(bytes(place.get_range(key, size - length, length)))
    except NoSuchKey:
        return None
    except ValueError:
        return {}


@contextmanager
def staged(project: Project) -> Iterator[Path]:
    """A folder of this clone for files that are not at their place yet; it goes at the end."""
    staging = project.state / "export"
    publish.make_directories(staging)
    publish.sweep(staging)
    folder = publish.stage(staging)
    publish.make_directory(folder)
    try:
        yield folder
    finally:
        publish.remove_tree(folder)


def send(place: Place, address: Address, files: Mapping[str, Path], progress: Progress) -> None:
    """Put the files at their keys, each whole, in the place of what is there."""
    sizes = {key: path.stat().st_size for key, path in files.items()}
    progress.begin("sending", size_bytes=sum(sizes.values()))
    try:
        with place.upload() as upload:
            for key, path in files.items():
                upload.put_file(key, path, _digest(path, sizes[key]), replace=True)
                progress.advance(size_bytes=sizes[key])
            upload.commit()
    finally:
        progress.end()
    place.tidy()
    if isinstance(address, Folder):
        with suppress(OSError):  # another export is under way
            publish.remove_directory(address.path / "staging")


def _digest(path: Path, size: int) -> Digest:
    fd = os.open(path, os.O_RDONLY)
    try:
        return hash_fd(fd, size)
    finally:
        os.close(fd)
