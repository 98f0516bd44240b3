"""Remote remove: take a remote out of the configuration; nothing at the remote is touched."""

import sqlite3
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from track.config import Layer
from track.errors import NoRemote, UnknownRevision
from track.flows import settings
from track.flows.reach import every_ref, versions
from track.flows.remotes import remember_no_more
from track.history import index
from track.model.digest import Digest
from track.model.names import display
from track.project import CONFIG, Project
from track.store.known import complete_in, recorded
from track.store.record import Stale

_LAYERS: tuple[Layer, ...] = ("clone", "project", "user")


@dataclass(frozen=True, slots=True)
class RemoteRemoved:
    """What was taken out, and of which files; `was_default` when it was the one that is used when none is named.

    Of `alone_count` versions at branches and tags, fewer than `store.min_copies` other remotes are known to have all;
    remotes that are one store count once.
    """

    name: str
    url: str
    layers: tuple[Layer, ...]
    was_default: bool
    staged: bool
    alone_count: int = 0


def remote_remove(project: Project, name: str, *, stage: bool = True) -> RemoteRemoved:
    """Take `name` out of this clone's and the committed configuration (else out of the user's).

    Raises:
        NoRemote: there is none of that name.
    """
    key = f"remote.{name}.url"
    if name not in project.config.names("remote.*.url"):
        known = ", ".join(map(display, project.config.names("remote.*.url"))) or "none"
        raise NoRemote(f"there is no remote called `{display(name)}` (known: {known})", hint="track remote list")
    url = str(project.config.setting(key).value)
    there = {setting.layer for setting in project.config.settings[key]}
    layers = tuple(layer for layer in _LAYERS[:2] if layer in there) or tuple(set(_LAYERS) & there)
    alone_count = len(_alone(project, name))
    was_default = project.config.text("core.remote") == name
    with project.lock():
        for layer in dict.fromkeys((*layers, *_LAYERS[:2])):
            about = [f"remote.{name}.{what}" for what in ("encryption", "endpoint", "profile", "region", "read-only")]
            named = [key, *_default_in(project, layer, name)] if layer in layers else []
            settings.remove(project, layer, *named, *about)
        remember_no_more(project, name)
        project.consents.revoke("remote", name)
        staged = stage and "project" in layers
        if staged:
            index.stage(project.git, [CONFIG])
    return RemoteRemoved(name, url, layers, was_default, staged, alone_count)


def _alone(project: Project, name: str) -> set[Digest]:
    """The versions that this remote is known to have whole, and too few others; no one is asked."""
    least = project.config.number("store.min_copies")
    found: set[Digest] = set()
    with suppress(UnknownRevision):  # nothing is committed yet
        found = {version.pointer.digest for version in versions(project, every_ref(project)).versions}
    records = project.state / "remotes"
    own = complete_in(records / f"{name}.db", found)
    others = [other for other in project.config.names("remote.*.url") if other != name]
    stores: dict[str, set[bytes]] = {}  # one that two remotes name is one copy
    for other in others:
        with suppress(sqlite3.Error, Stale), recorded(records / f"{other}.db") as known:
            stores.setdefault(known.store_id, set()).update(known.complete(own))
    held = Counter(digest for digests in stores.values() for digest in digests)
    return {Digest(digest) for digest in own if held[digest] < least}


def _default_in(project: Project, layer: Layer, name: str) -> list[str]:
    """The setting that makes it the default, when it stands in this layer."""
    found = project.config.settings.get("core.remote", ())
    return ["core.remote" for setting in found if setting.layer == layer and setting.value == name][:1]
