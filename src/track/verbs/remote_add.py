"""Remote add: name a folder, a bucket or a server as a remote, make a store in it, and allow this clone to use it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from track.config import Layer
from track.errors import Conflict, NotAStore, NotTrusted, RemoteUnreachable, UsageError
from track.flows import settings
from track.flows.identities import refuse_loose_identity, with_keys
from track.flows.remotes import Named, access_of, allow, is_beside, is_read_only, remember_no_more, wish_of
from track.flows.rights import telling_rights
from track.flows.whereabouts import base_of, store_before
from track.history import index, log
from track.model import toml
from track.model.expressions import expression
from track.model.names import display, typed
from track.model.settings import NAME
from track.model.wish import Wish, line
from track.project import CONFIG, Project
from track.store.address import (
    Access,
    Address,
    AzureContainer,
    Bucket,
    Folder,
    GoogleBucket,
    is_relative,
    parse_address,
)
from track.store.description import Encryption
from track.store.remote import create_remote, description_of

_NAME = expression(NAME)


@dataclass(frozen=True, slots=True)
class RemoteAdded:
    """What was done. `url` is what the configuration says now, `layer` where; `made` a store that was not there."""

    name: str
    url: str
    folder: Path | None
    layer: Layer
    made: bool
    is_new: bool
    is_default: bool
    staged: bool
    is_read_only: bool
    is_encrypted: bool


def remote_add(
    project: Project,
    name: str,
    address: str,
    *,
    create: bool = True,
    clone: bool = False,
    stage: bool = True,
    access: Access | None = None,
    recipients: Sequence[str] = (),
) -> RemoteAdded:
    """Name the folder or bucket at `address` as a remote (from where we are); the first one becomes the default.

    It is written to the committed configuration, or with `clone` to this clone's own. With `create`, a folder that is
    absent or empty becomes a store. Adding a remote that the repository names already is how a person allows it.
    A relative address of a folder beside the repository stays relative, so that it holds in a clone beside it too.
    What `access` says of a bucket is written down: the region beside the URL, the rest for this clone alone.

    With `recipients`, what will be in a new store is encrypted for them. Which key a store has is written down beside
    its URL, so that no other one is taken for it later.

    Raises:
        UsageError: the name or the address cannot be, or the folder lies in this repository.
        NotTrusted: a file of the repository's folder names a server or an account that the person here did not.
        Conflict: the name stands for another place.
        RemoteUnreachable: the folder's parent, or without `create` the folder, is absent; or the bucket or server is.
        NotAStore: the place has something else in it, or a store was there and is not now.
        RemoteError: nothing says who we are there, or we may not write.
        BadCredentials: the store is encrypted, or shall be, and no identity of the person here is a recipient.
        IntegrityError: the store is not encrypted with the key that was written down.
        NewerFormat: the store there was written by a later version.
    """
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"`{display(name)}` cannot name a remote: letters, digits, - and _, at most 64", hint="origin")
    before = project.config.setting(f"remote.{name}.url") if name in project.config.names("remote.*.url") else None
    place = _address(project, address, None if before is None else str(before.value))
    if before is not None and parse_address(str(before.value), base=base_of(project)) != place:
        raise _taken(name, str(before.value))
    way = _way_in(project, name, _way(project, name, place, access or Access()), recipients)
    layer: Layer = "clone" if clone else "project"
    url = _url(project, place, address) if before is None else str(before.value)
    named = Named(name, url, layer if before is None else before.layer, place)
    is_new, is_read = before is None, is_read_only(project, named)
    wish = _wish(project, named, access)
    again = _line(name, address, access or Access(), recipients)
    gone = "" if is_new else store_before(project, name)
    with telling_rights(place, way, again, writes=not is_read), _telling_what_was_there(named, gone, again):
        made = create_remote(place, way, create=create and not is_read and not gone, recipients=recipients)
    sealing = _sealing(project, place, way, recipients)
    is_default = is_new and not project.config.text("core.remote")
    with project.lock():
        allow(project, wish)  # first: a name that others see stands for a place that we may use
        if is_new:
            _write_url(project, named, is_default, sealing)
        _write_access(project, name, access or Access(), layer)
        # An earlier try may have been broken off after it wrote, and before it staged.
        if staged := layer == "project" and stage and (is_new or not _is_staged(project, name)):
            index.stage(project.git, [CONFIG])
    marks = {"is_new": is_new, "is_default": is_default, "is_read_only": is_read, "is_encrypted": sealing is not None}
    return RemoteAdded(name, url, named.folder, named.layer, made=made, staged=staged, **marks)


@contextmanager
def _telling_what_was_there(named: Named, gone: str, again: str) -> Iterator[None]:
    """Where a store was and none is now, no new one is made: its disk may be out, and the folder a mere mount point.

    A server that does not answer is another matter, and says so itself.
    """
    try:
        yield
    except (NotAStore, RemoteUnreachable) as error:
        if gone and (named.folder is not None or not isinstance(error, RemoteUnreachable)):
            error.details = (*error.details, f"when it was last asked, the store {gone[:8]} was there")
            error.hint = f"is its disk or share mounted?   a new one: track remote remove {named.name}   then: {again}"
        raise


def _line(name: str, address: str, said: Access, recipients: Sequence[str]) -> str:
    """What was typed, to be typed again; without its options it would be about another server, or somebody else."""
    options = [("--endpoint", said.endpoint), ("--region", said.region), ("--profile", said.profile)]
    options += [("--encrypt", recipient) for recipient in recipients]
    words = " ".join(f"{option} {typed(value)}" for option, value in options if value)
    return f"track remote add {name} {display(address)} {words}".rstrip()


def _taken(name: str, url: str) -> Conflict:
    return Conflict(
        f"`{name}` stands for {display(url)} already; nothing was changed",
        hint=f"track remote remove {name}   or give the new one another name",
    )


def _wish(project: Project, named: Named, access: Access | None) -> Wish | None:
    """What the person allows by naming the address: that, and no server or account that lies about in a file."""
    wish = wish_of(project, named.name, named, access)
    said = access or Access()
    own = {("url", named.url), ("endpoint", said.endpoint), ("profile", said.profile)}
    told = {line(f"remote.{named.name}.{key}", value) for key, value in own if value}
    told |= {each for each in (wish.lines if wish else ()) if each.startswith("~/")}  # their own file, not one here
    if wish is not None and not set(wish.lines) <= told and not project.consents.has(wish):
        raise NotTrusted(
            f"a file here names a server or an account for remote `{named.name}`; it may have come with the repository",
            hint="if they are yours, say so: --endpoint URL, --profile PROFILE",
            details=tuple(each for each in wish.lines if each not in told),
        )
    return wish


def _way(project: Project, name: str, place: Address, given: Access) -> Access:
    """How the place is reached: as said now, else as said before. Raises UsageError where nothing asks for it."""
    if not isinstance(place, Bucket) and (given.region or given.profile):
        raise UsageError("--region and --profile say how a bucket of S3 is reached; this is another kind of place")
    if not isinstance(place, Bucket | AzureContainer | GoogleBucket) and given.endpoint:
        raise UsageError("--endpoint says how a bucket or a container is reached; this is another kind of place")
    if isinstance(place, Folder):
        return given
    known = access_of(project, name)
    return Access(
        given.endpoint or known.endpoint, given.region or known.region, given.profile or known.profile, known.dotenv
    )


def _sealing(project: Project, place: Address, way: Access, recipients: Sequence[str]) -> Encryption | None:
    """How the store that is there now is encrypted, which it may have been before; not this clone's own store.

    Raises:
        NotAStore: it is that one.
        Conflict: it was there before, and is not encrypted for all of the recipients.
        BadCredentials, IntegrityError: the person here cannot open it, or it is not the one that was written down.
    """
    there = description_of(place, way)
    if there.id == project.store.id:
        raise NotAStore(f"{display(str(place))} is this clone's own store", hint="a remote is a folder apart from it")
    if there.encryption is not None:
        refuse_loose_identity(project)
        known = {key.recipient for key in there.encryption.keys}
        if lacking := [one for one in recipients if not any(one.strip().startswith(each) for each in known)]:
            raise Conflict(
                f"{display(str(place))} is a store already, and {display(lacking[0])} is no recipient of it",
                hint=f"track remote add NAME {typed(str(place))}   then: track remote recipients add NAME RECIPIENT",
            )
    elif recipients:
        raise Conflict(
            f"{display(str(place))} is a store already, and not encrypted; that is decided when a store is made",
            hint="name an empty place: track remote add NAME PLACE --encrypt RECIPIENT   then: track push NAME",
        )
    return there.encryption


def _write_url(project: Project, named: Named, is_default: bool, sealing: Encryption | None) -> None:
    """The URL comes last: with it the remote is there, and nothing more is to do."""
    remember_no_more(project, named.name)
    if sealing is not None:
        settings.write(project, named.layer, f"remote.{named.name}.encryption", sealing.key_id)
    if is_default:
        settings.write(project, named.layer, "core.remote", named.name)
    settings.write(project, named.layer, f"remote.{named.name}.url", named.url)


def _is_staged(project: Project, name: str) -> bool:
    """Whether Git's index has the remote in the committed configuration, or has no such file at all."""
    staged = log.staged_contents(project.git, [CONFIG]).get(CONFIG)
    if staged is None:
        return True
    try:
        return name in toml.read(staged.decode("utf-8")).get("remote", {})
    except (ValueError, RecursionError):
        return True


def _way_in(project: Project, name: str, way: Access, recipients: Sequence[str]) -> Access:
    """The way with what opens the store. Raises BadCredentials for an identity here, before anything is made for it."""
    if recipients:
        refuse_loose_identity(project)
    return with_keys(project, name, way)


def _write_access(project: Project, name: str, access: Access, layer: Layer) -> None:
    for key, value, where in (
        ("region", access.region, layer),
        ("endpoint", access.endpoint, "clone"),
        ("profile", access.profile, "clone"),
    ):
        if value:
            settings.write(project, where, f"remote.{name}.{key}", value)


def _address(project: Project, address: str, known: str | None) -> Address:
    """The place meant: from where we are, or, when it is said as the configuration says it, as it means it."""
    if known is not None and address == known:
        return parse_address(address, base=base_of(project))
    place = parse_address(address, base=project.cwd)
    return Folder(_fit(project, place.path)) if isinstance(place, Folder) else place


def _fit(project: Project, folder: Path) -> Path:
    """The folder, when it may be a remote of the project. Raises UsageError."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{display(os.fsencode(folder))} is not UTF-8, so no configuration file can name it",
            hint="give the folder another name, or a link to it",
        ) from None
    resolved = Path(os.path.realpath(folder))
    for inside, what in ((project.root, "this working tree"), (project.git.common_dir, "this repository")):
        if resolved.is_relative_to(os.path.realpath(inside)):
            raise UsageError(
                f"{display(str(folder))} lies in {what}: a remote is a folder apart from it",
                hint=f"track remote add NAME {typed(f'../{project.root.name}-data')}",
            )
    return folder


def _url(project: Project, place: Address, address: str) -> str:
    """What the configuration says: a relative address of a folder beside the repository as seen from the top."""
    if not isinstance(place, Folder):
        return str(place)
    folder = place.path
    if is_relative(address) and is_beside(project, Path(os.path.realpath(folder))):
        return os.path.relpath(folder, base_of(project))
    return str(folder)
