"""Git hooks of ours: where they go, how they get on with those of others, and how they go again.

In Git's own folder a hook of ours stands alone, behind an older one (renamed to `<hook>.pre-track` and called first),
or in lines at the end of a shell script that can be reached. A folder that somebody else looks after is never written:
there Git's configuration names ours, from Git 2.54 on, or a person pastes a line.
"""

import os
import re
import shlex
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from track import publish
from track.errors import Conflict, StoreUnwritable
from track.history import drivers
from track.history.plumbing import Git
from track.model.expressions import expression
from track.model.names import display

HOOKS = ("pre-commit", "commit-msg", "post-checkout", "post-merge", "post-rewrite", "post-index-change", "pre-push")
CONFIGURED_FROM = (2, 54)
"""The first Git that takes hooks from its configuration."""

State = Literal["alone", "chained", "added", "handed on", "configured", "disabled", "outdated", "left", "missing"]

_SHIPPED = (Path(__file__).parents[1] / "shipped", Path(__file__).parents[3] / "hooks")
_OURS = expression(rb"\A#!/bin/sh\n# track: ")
_SHELL = expression(rb"\A#!\s*(?:\S*/)?(?:env\s+)?(?:ba|da|a|k|z)?sh(?:\s+-[a-z]+)*\s*\n")
_ENDS_EARLY = expression(rb"(?m)^[^#\n]*\b(?:exit|exec|return)\b")
_BEGIN, _END = b"# >>> track (`track hooks uninstall` takes these lines out) >>>", b"# <<< track <<<"
_NO_LINE_END = b" the line before had no end"
_BLOCK = expression(
    rb"(\n?)" + re.escape(_BEGIN) + rb"(" + re.escape(_NO_LINE_END) + rb")?\n.*?" + re.escape(_END) + rb"\n", re.DOTALL
)
_WITH_STDIN = ("post-rewrite", "pre-push")
_MAX_READ = 1 << 20


class Hook(NamedTuple):
    """One hook. `state`: how ours is there, or "left" where it is not ours to write, or "missing".

    "alone": nothing else was there. "chained": the older one is called first. "added": lines in a shell script.
    "handed on": another manager keeps and calls ours. "disabled": there, but Git does not run it.
    """

    name: str
    state: State
    path: Path


class Site(NamedTuple):
    """Where Git looks for hooks. `manager` is who else looks after the folder; None for Git's own."""

    folder: Path
    manager: str | None


@dataclass(frozen=True, slots=True)
class Hooked:
    """What is there after an install or uninstall. `changed` are the names of hooks that it wrote or removed."""

    site: Site
    hooks: tuple[Hook, ...]
    changed: tuple[str, ...]

    @property
    def left(self) -> tuple[str, ...]:
        """The hooks for which a person has to paste a line."""
        return tuple(hook.name for hook in self.hooks if hook.state == "left")


def site(git: Git) -> Site:
    """Where Git looks for hooks, and who else looks after that folder."""
    own = git.common_dir / "hooks"
    chosen = git.config("core.hooksPath")
    folder = Path(os.path.normpath(git.top / os.path.expanduser(chosen))) if chosen else own
    if os.path.realpath(folder) == os.path.realpath(own):
        return Site(own, "lefthook" if any(b"lefthook" in (_content(own / name) or b"") for name in HOOKS) else None)
    is_husky = any("husky" in part for part in folder.parts) or (folder / "husky.sh").exists()
    return Site(folder, "husky" if is_husky else "core.hooksPath")


def scripts_folder(git: Git) -> Path:
    """Where copies of the scripts lie for those who call them themselves."""
    return git.common_dir / "track" / "hooks"


def script(name: str) -> bytes:
    """The hook as it is shipped."""
    folder = next(folder for folder in _SHIPPED if (folder / name).is_file())
    return (folder / name).read_bytes()


def call_line(name: str, manager: str | None = None) -> str:
    """The line of shell that calls our hook from another manager's, and does nothing in a clone without it."""
    arguments = "{0}" if manager == "lefthook" else '"$@"'
    return f'h=$(git rev-parse --git-common-dir)/track/hooks/{name}; [ ! -x "$h" ] || "$h" {arguments}'


def needs_stdin(name: str) -> bool:
    """Whether Git tells this hook something on its standard input."""
    return name in _WITH_STDIN


def look(git: Git) -> tuple[Hook, ...]:
    """How each hook of ours is there; nothing is changed."""
    where = site(git)
    return tuple(_look(git, where, name) for name in HOOKS)


def is_refused(git: Git) -> bool:
    """Return whether a person took the hooks out of this clone."""
    return _refusal(git).exists()


def refuse(git: Git) -> None:
    """Remember that a person wants none in this clone, until somebody installs them; those that are there stay.

    Raises:
        DiskFull, StoreUnwritable: it cannot be written down.
    """
    if _are_here(git):
        return
    publish.make_directories(_refusal(git).parent)
    publish.publish_bytes(_refusal(git), b"")


def install(git: Git) -> Hooked:
    """Put every hook of ours in place, and the drivers, and remember which Python has `track`; again brings up to date.

    Raises:
        Conflict: a hook and the older one that we had put aside are both there, and neither is ours.
        DiskFull, StoreUnwritable: something cannot be written; the hooks that were there work as before.
    """
    where = site(git)
    drivers.install(git)
    with suppress(FileNotFoundError):
        publish.remove(_refusal(git))
    if git.config("track.python") != sys.executable:
        git.run("config", "--local", "track.python", sys.executable)
    if where.manager is None:
        changed = tuple(name for name in HOOKS if _install(where.folder, name))
    else:
        changed = _install_beside(git)
    return Hooked(where, tuple(_look(git, where, name) for name in HOOKS), changed)


def ensure(git: Git) -> Hooked | None:
    """Install the hooks in a clone that has none, unless a person took them out; None when nothing was to do."""
    return None if is_refused(git) or _are_here(git) else install(git)


def uninstall(git: Git, *, remember: bool = True) -> Hooked:
    """Take every hook of ours out; what others had there is as it was, byte for byte.

    With `remember`, this clone gets none again until somebody installs them.
    """
    where = site(git)
    changed = [name for name in HOOKS if _uninstall(git.common_dir / "hooks", name)]
    for name in HOOKS:
        if git.config(f"hook.{_called(name)}.command") is not None:
            git.run("config", "--local", "--remove-section", f"hook.{_called(name)}")
            changed.append(name)
    if scripts_folder(git).is_dir():
        publish.remove_tree(scripts_folder(git))
        changed += [name for name in HOOKS if name not in changed]
    if git.config("track.python") is not None:
        git.run("config", "--local", "--unset", "track.python", check=False)
    if remember:
        refuse(git)
    return Hooked(where, tuple(_look(git, where, name) for name in HOOKS), tuple(changed))


def _are_here(git: Git) -> bool:
    last = HOOKS[-1]
    return (scripts_folder(git) / last).exists() or _is_ours(git.common_dir / "hooks" / last)


def _refusal(git: Git) -> Path:
    return git.common_dir / "track" / "no-hooks"


def _called(name: str) -> str:
    """What a configured hook is called; the name of an event would be refused by Git."""
    return f"track-{name}"


def _look(git: Git, where: Site, name: str) -> Hook:
    path = where.folder / name
    if where.manager is not None and not _is_ours(path) and not _has_block(path):
        copy = scripts_folder(git) / name
        if git.config(f"hook.{_called(name)}.command") is not None:
            is_on = git.config(f"hook.{_called(name)}.enabled") not in ("false", "no", "off", "0")
            return Hook(name, "configured" if is_on else "disabled", copy)
        if b"track/hooks/" + name.encode() in b"".join(_contents_near(git, path)):
            return Hook(name, "handed on" if path.exists() else "disabled", copy)
        return Hook(name, "left", copy)
    return Hook(name, _state(path, name), path)


def _contents_near(git: Git, path: Path) -> Iterator[bytes]:
    """The hook itself, what husky keeps beside its generated folder, and what lefthook is told to do."""
    for place in (path, path.parent.parent / path.name, path.parent / f"{path.name}.legacy"):
        yield _content(place) or b""
    for start in ("lefthook", ".lefthook", ".config/lefthook"):
        for end in ("yml", "yaml", "toml", "json", "jsonc"):
            yield _content(git.top / f"{start}.{end}") or b""
            yield _content(git.top / f"{start}-local.{end}") or b""


def _state(path: Path, name: str) -> State:
    if _is_ours(path):
        state: State = "chained" if os.path.lexists(_aside(path)) else "alone"
        return _or_worse(state, path, path, name)
    if _has_block(path):
        return _or_worse("added", path, _sibling(path), name)
    if _is_ours(_legacy(path)):
        return _or_worse("handed on", path, _legacy(path), name)
    return "missing"


def _or_worse(state: State, called: Path, ours: Path, name: str) -> State:
    if not os.access(called, os.X_OK) or not os.access(ours, os.X_OK):
        return "disabled"
    return state if _content(ours) == script(name) else "outdated"


def _install(folder: Path, name: str) -> bool:
    path, wanted = folder / name, script(name)
    for ours in (path, _sibling(path) if _has_block(path) else path, _legacy(path)):
        if _is_ours(ours):
            if _content(ours) == wanted and os.access(ours, os.X_OK):
                return False
            _write(ours, wanted)
            return True
    publish.make_directories(folder)
    if os.path.lexists(path):
        if os.path.lexists(_aside(path)):
            raise Conflict(
                f"there are two older hooks, {display(str(path))} and {display(_aside(path).name)}",
                hint=f"join them in one, or: rm {display(shlex.quote(str(_aside(path))))}   then: track hooks install",
            )
        if _may_add(path, name):
            _write(_sibling(path), wanted)
            _add_block(path, name)
            return True
        publish.rename(path, _aside(path))
    _write(path, wanted)
    return True


def _install_beside(git: Git) -> tuple[str, ...]:
    """Copies for others to call; and the configuration that names them, where Git knows it."""
    folder = scripts_folder(git)
    publish.make_directories(folder)
    changed = []
    for name in HOOKS:
        if _content(folder / name) != script(name):
            _write(folder / name, script(name))
            changed.append(name)
        if git.version() >= CONFIGURED_FROM and git.config(f"hook.{_called(name)}.command") is None:
            command = (
                f'h=.git/track/hooks/{name}; [ -f "$h" ] || h=$(git rev-parse --git-common-dir)/track/hooks/{name}; '
                '[ ! -x "$h" ] || "$h"'
            )
            git.run("config", "--local", f"hook.{_called(name)}.command", command)
            git.run("config", "--local", f"hook.{_called(name)}.event", name)
            changed.append(name)
    return tuple(name for name in HOOKS if name in changed)


def _uninstall(folder: Path, name: str) -> bool:
    path = folder / name
    if _has_block(path):
        content = _content(path) or b""
        match = _BLOCK.search(content)
        assert match is not None
        mode = stat.S_IMODE(os.stat(path).st_mode)
        rest = content[: match.start()] + (b"" if match[2] else match[1]) + content[match.end() :]
        publish.publish_bytes(path, rest, mode=mode)
        os.chmod(path, mode)
        with suppress(FileNotFoundError):
            publish.remove(_sibling(path))
        return True
    for ours in (path, _legacy(path)):
        if _is_ours(ours):
            if os.path.lexists(_aside(path)):
                publish.rename(_aside(path), ours)
            else:
                publish.remove(ours)
            return True
    return False


def _may_add(path: Path, name: str) -> bool:
    """Whether lines at the end of a hook are reached: it is a shell script that nowhere ends early."""
    if name in _WITH_STDIN or path.is_symlink() or not path.is_file() or not os.access(path, os.X_OK):
        return False
    content = _content(path) or b""
    return bool(_SHELL.match(content)) and not _ENDS_EARLY.search(content)


def _add_block(path: Path, name: str) -> None:
    content = _content(path) or b""
    mark = _NO_LINE_END if not content.endswith(b"\n") else b""
    call = f'"${{0%/*}}/{_sibling(path).name}"'
    lines = (
        b"track_code=$?",
        f'if [ -x {call} ]; then {call} "$@" || track_code=$?; fi'.encode(),
        b"exit $track_code",
        _END,
    )
    block = (b"\n" if mark else b"") + _BEGIN + mark + b"\n" + b"\n".join(lines) + b"\n"
    mode = stat.S_IMODE(os.stat(path).st_mode)
    publish.publish_bytes(path, content + block, mode=mode)
    os.chmod(path, mode)


def _write(path: Path, content: bytes) -> None:
    publish.publish_bytes(path, content, mode=0o777)
    if not os.access(path, os.X_OK):
        raise StoreUnwritable(f"{display(str(path))} cannot be made executable here")


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ".pre-track")


def _legacy(path: Path) -> Path:
    """Where the pre-commit framework puts a hook that it finds, and calls it from."""
    return path.with_name(path.name + ".legacy")


def _sibling(path: Path) -> Path:
    return path.with_name("track-" + path.name)


def _is_ours(path: Path) -> bool:
    return not path.is_symlink() and _OURS.match(_content(path) or b"") is not None


def _has_block(path: Path) -> bool:
    return not path.is_symlink() and _BLOCK.search(_content(path) or b"") is not None


def _content(path: Path) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_READ)
    except OSError:
        return None
