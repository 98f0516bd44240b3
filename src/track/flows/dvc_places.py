"""Where DVC keeps bytes: the folders beside a repository, and on this machine, that its configuration names."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from track.errors import Unreadable
from track.model.dvc import DIRECTORY, Identity, Setting, settings_in
from track.model.expressions import expression
from track.model.names import display

_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_REMOTE = expression(r"remote://([^/]+)(?:/(.*))?", re.DOTALL)
_FILES = ("config", "config.local")
_LIMIT = 1 << 20
_SYSTEM = "/etc/xdg/dvc"


class Remote(NamedTuple):
    """A remote of DVC's: its name, its URL with every other remote in it resolved, and the rest of what it says."""

    name: str
    url: str
    options: Mapping[str, str]

    @property
    def folder(self) -> Path | None:
        """The folder that it is; None for any other kind of place."""
        return Path(self.url) if "://" not in self.url else None


class Settings(NamedTuple):
    """What DVC's configuration says of one of its repositories: where objects are here, and its remotes by name."""

    objects: Path
    remotes: Mapping[str, Remote]
    default: str | None


def settings_of(folder: Path) -> Settings:
    """What the configuration of the DVC repository in `folder` says, with the person's own before it.

    Raises:
        Unreadable: a file of it cannot be read.
    """
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    places = (
        Path(os.environ.get("DVC_SYSTEM_CONFIG_DIR", _SYSTEM), "config"),
        Path(os.environ.get("DVC_GLOBAL_CONFIG_DIR", os.path.join(home, "dvc")), "config"),
        *(folder / ".dvc" / name for name in _FILES),
    )
    objects, default = folder / ".dvc" / "cache", None
    remotes: dict[str, dict[str, str]] = {}
    for place in places:
        for setting in _settings_at(place):
            if setting.section == "remote":
                said = _absolute(setting.value, place.parent) if setting.key == "url" else setting.value
                remotes.setdefault(setting.name, {})[setting.key] = said
            elif (setting.section, setting.key) == ("cache", "dir"):
                objects = Path(_absolute(setting.value, place.parent))
            elif (setting.section, setting.key) == ("core", "remote"):
                default = setting.value
    return Settings(
        objects, {name: _remote(name, remotes) for name in sorted(remotes) if "url" in remotes[name]}, default
    )


def ordered_remotes(settings: Settings) -> tuple[Remote, ...]:
    """Every remote, the default one first."""
    return tuple(sorted(settings.remotes.values(), key=lambda remote: (remote.name != settings.default, remote.name)))


def keys_of(identity: Identity, *, is_directory: bool) -> tuple[str, ...]:
    """Where an object may lie below a folder or remote of DVC's: as DVC 3 keeps it, and as those before it did."""
    name = identity.md5 + (DIRECTORY if is_directory else "")
    new, old = f"files/md5/{name[:2]}/{name[2:]}", f"{name[:2]}/{name[2:]}"
    return (old, new) if identity.loose else (new, old)


def opened(folder: Path, identity: Identity, *, is_directory: bool) -> Iterator[int]:
    """Give an open file of each object of that name in a folder of DVC's; it is closed when the next is asked for.

    Raises:
        Unreadable: something of that name may not be read.
    """
    for key in keys_of(identity, is_directory=is_directory):
        path = folder / key
        try:
            fd = os.open(path, _READ)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _unreadable(path, error.strerror) from error
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise _unreadable(path, "it is no file")
            yield fd
        finally:
            os.close(fd)


def _unreadable(path: Path, why: str | None) -> Unreadable:
    shown = display(str(path))
    return Unreadable(f"DVC's object {shown} cannot be read: {why}", hint=f"ls -l {shown}")


def _settings_at(place: Path) -> Iterator[Setting]:
    """Give what a file says; a stranger may have written it, or made it a link to what has no end."""
    try:
        fd = os.open(place, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _no_settings(place, error.strerror) from error
    try:
        is_file = stat.S_ISREG(os.fstat(fd).st_mode)
        data = os.read(fd, _LIMIT + 1) if is_file else b""
    finally:
        os.close(fd)
    if not is_file:
        raise _no_settings(place, "it is no file")
    if len(data) > _LIMIT or b"\0" in data:
        raise _no_settings(place, "it is no configuration")
    yield from settings_in(data.decode("utf-8", "surrogateescape"))


def _no_settings(place: Path, why: str | None) -> Unreadable:
    shown = display(str(place))
    return Unreadable(f"DVC's configuration {shown} cannot be read: {why}", hint=f"ls -l {shown}")


def _absolute(said: str, folder: Path) -> str:
    """A place as it is meant: what is no URL is a path, relative to the file that says it."""
    if said.startswith("file://"):
        said = said.removeprefix("file://")
    if "://" in said:
        return said
    return os.path.normpath(os.path.join(folder, os.path.expanduser(said)))


def _remote(name: str, remotes: Mapping[str, Mapping[str, str]]) -> Remote:
    """A remote whose URL may begin with the name of another one."""
    url, seen = remotes[name]["url"], {name}
    options = dict(remotes[name])
    while (found := _REMOTE.fullmatch(url)) and found[1] not in seen and "url" in remotes.get(found[1], {}):
        seen.add(found[1])
        options = {**remotes[found[1]], **options}
        url = "/".join(filter(None, (remotes[found[1]]["url"].rstrip("/"), found[2])))
    del options["url"]
    return Remote(name, url, options)
