"""Config: read and change settings."""

import os
from contextlib import suppress
from dataclasses import dataclass

from track import config as layers
from track.config import Config, Source
from track.config import Layer as Layer
from track.config import Setting as Setting
from track.errors import TrackError, UsageError
from track.flows import settings
from track.flows.remotes import allow, choose, waiting, wish_of
from track.model.names import display, typed
from track.model.settings import KEYS, Value
from track.project import Project, is_set_up, store_wish


@dataclass(frozen=True, slots=True)
class Configured:
    """What a question found or a change did.

    `settings` are the values asked for, sorted by key; the one that holds comes first for each. `changed` is the
    value that was written; `removed` says that one was taken out.
    """

    settings: tuple[Setting, ...] = ()
    changed: Setting | None = None
    removed: bool = False
    warnings: tuple[str, ...] = ()


def config(
    project: Project | None,
    key: str | None = None,
    value: str | None = None,
    *,
    layer: Layer | None = None,
    unset: bool = False,
) -> Configured:
    """Read all settings or one, or write or `unset` one; `project` is None outside of any repository.

    Reading looks at all layers, or at `layer` alone. Writing goes to `layer`, by default this clone's.

    Raises:
        BadConfig: there is no such setting, the value is not one of it, or a file is broken.
        UsageError: the layer cannot be written here, or the committed file may not hold the value.
    """
    target: Layer = layer or ("clone" if project is not None else "user")
    if unset:
        if key is None or value is not None:
            raise UsageError("--unset takes one key and no value", hint="track config --unset KEY")
        removed = settings.remove(project, target, key)
        return Configured(removed=removed, warnings=_moved(project, key) if removed else ())
    if key is not None and value is not None:
        names_remote = _is_allowed(project, key)
        kept = settings.write(project, target, key, _absolute(key, value))
        if project is not None and target == "clone":
            _allow(project, key, kept, names_remote)
        changed = Setting(key, kept, target, str(settings.file_of(project, target)))
        return Configured(changed=changed, warnings=_moved(project, key))
    found = project.config if project is not None else _outside()
    names = [key] if key is not None else sorted({*found.settings, *_listed()})
    every = [one for name in names for one in found.settings.get(name) or (found.setting(name),)]
    chosen = [one for one in every if layer in (None, one.layer)]
    return Configured(tuple(chosen), warnings=found.warnings if project is None else ())


def _is_allowed(project: Project | None, key: str) -> bool:
    """Return whether setting this key is a yes to its whole remote: it is the address, or the rest was allowed."""
    if project is None or not key.startswith("remote."):
        return False
    name = key.split(".")[1]
    known = name in project.config.names("remote.*.url")
    return key.endswith(".url") or not known or waiting(project, choose(project, name), sending=True) is None


def _allow(project: Project, key: str, value: Value, names_remote: bool) -> None:
    """Remember that the person here chose a place for the store, or how a remote is reached."""
    if key == "store.path":
        project.consents.give([store_wish(str(value))])
    if names_remote:
        with Project.open(project.root) as after:
            name = key.split(".")[1]
            if name in after.config.names("remote.*.url"):
                allow(after, wish_of(after, name))


def _moved(project: Project | None, key: str) -> tuple[str, ...]:
    """After the place of the store changed, have `.store` lead there; return what is to be done with what it held."""
    if key != "store.path" or project is None or not is_set_up(project.git):
        return ()
    with Project.open(project.root) as after:
        before, now = project.store_path, after.store_path
        if before == now:
            return ()
        if (after.root / ".store").is_symlink():
            with after.lock():  # which makes the link when there is none, and leaves a wrong one alone
                after.relink_store(before)
        with suppress(TrackError):  # a place that cannot be written is said by whoever writes to it
            after.store.close()
        held = [before / name for name in ("objects", "packs") if (before / name).is_dir()]
        if not held:
            return ()
        sources = " ".join(typed(str(folder)) for folder in held)
    return (
        f"what is already stored stays in {display(str(before))}, where it is not looked for any more; "
        f"to have it in the new place: cp -an {sources} {typed(str(now))}/",
    )


def _listed() -> list[str]:
    """Return the settings that have a value of their own even when nobody sets them."""
    return [key.name for key in KEYS if key.default is not None]


def _outside() -> Config:
    return layers.load((Source("user", layers.user_file()),), os.environ)


def _absolute(name: str, value: str) -> str:
    """Return a place as it holds from every folder; it was typed from this one."""
    if layers.find_key(name).kind == "place" and value and not value.startswith("~"):
        return os.path.abspath(value)
    return value
