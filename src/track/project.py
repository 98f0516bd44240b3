"""Project: the open handles of one working tree, opened and closed once."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, TypeVar, cast

from track import config, forks, publish
from track.config import Config, Source
from track.consents import Consents
from track.errors import ForbiddenPath, NotAPointer, OutsideRepository, ProjectError, TrackError
from track.here import absolute
from track.history import ahead, log
from track.history.left_out import is_sparse, left_out, present_among
from track.history.plumbing import Git
from track.locks import Lock
from track.model import reading
from track.model.names import check_entry_path, display, standing, typed
from track.model.wish import Wish, line
from track.store import late
from track.worktree.paths import Gate
from track.worktree.stat_cache import StatCache
from track.worktree.strange import refuse_strange

CONFIG = b".track/config.toml"
STORE_LINK = b".store"
STORE_NOTE = b"where-the-store-is.txt"
IGNORE_LINE = b"/.store"
EXCLUDED = (IGNORE_LINE, b".*.track-[0-9]*.[0-9]*.*.*")
"""What Git ignores in every branch of a clone: the link to the store, and what stands beside a file that is written."""
IN_STEP = "in-step"
"""The file, beside the index, that says which pointers the data followed last."""

LinkState: TypeAlias = Literal["fine", "missing", "tracked", "elsewhere"]


class Closing(Protocol):
    """What is opened and has to be closed."""

    def close(self) -> None:
        """Close it; once more is fine."""


Handle = TypeVar("Handle", bound=Closing)


class Project:
    """One working tree that `track` is set up in: its Git, configuration, store and caches.

    Opened by `Project.open`, closed by `close` or at the end of a `with` block. Paths are bytes from the top.
    """

    def __init__(self, git: Git, settings: Config, cwd: Path, warnings: tuple[str, ...] = ()) -> None:
        """Hold what `open` found."""
        self.git = git
        self.config = settings
        self.cwd = cwd
        self.root = git.top
        self.stands_at: Path | None = None
        """For what is only looked at: the folder that it would be in, from where relative addresses start."""
        self.consents = Consents(git.common_dir)
        self.state = git.common_dir / "track"
        self.worktree_state = git.git_dir / "track"
        self.gate = Gate(git.top, self.store_path / "objects")
        self._handles: dict[str, Closing] = {}
        self._inside = ExitStack()
        self.warnings = [*warnings, *self.config.warnings]

    @classmethod
    def open(
        cls, start: str | Path | None = None, *, flags: Mapping[str, str] | None = None, set_up: bool = True
    ) -> "Project":
        """Open the project that holds `start` (default: where we are). `flags` beat every other configuration.

        With `set_up=False`, a repository that `track init` never saw is opened too.

        Raises:
            NotARepository: there is no Git repository with a working tree here, or Git refuses to trust it.
            ProjectError: `track init` was never run here.
            NewerFormat: the repository was written by a later version.
            BadConfig: a configuration file is broken.
            ForbiddenPath: links, pipes or the like are among what track keeps in the Git directory.
        """
        cwd = Path(absolute(start if start is not None else os.curdir))
        git = ahead.found(str(cwd)) or Git(cwd)
        if set_up and not is_set_up(git):
            raise ProjectError(f"track is not set up in {display(str(git.top))}", hint="track init")
        for state in {git.common_dir / "track", git.git_dir / "track"}:
            refuse_strange(state)
        settings, warnings = load_config(git, flags)
        project = cls(git, settings, cwd, warnings)
        if start is None:
            standing.set(project._below_top(b".") or b"")
        return project

    def __enter__(self) -> "Project":
        """Return itself; other threads fork when the block is over."""
        self._inside.enter_context(forks.inside())
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        with self._inside:
            self.close()

    def close(self) -> None:
        """Close what was opened; once more is fine."""
        standing.set(b"")
        while self._handles:
            self._handles.popitem()[1].close()
        for name in ("store", "stat_cache"):
            handle = self.__dict__.pop(name, None)
            if handle is not None:
                handle.close()

    @property
    def store_path(self) -> Path:
        """Return where the store is: this clone's own choice, else in the common Git directory.

        Never found by following `.store`: that link comes with a stranger's repository.
        """
        chosen = self.config.text("store.path")
        return Path(os.path.expanduser(chosen)) if chosen else self.state / "store"

    @cached_property
    def store(self) -> "late.Store":
        """Return the local store, made when it is not there yet; raises as `open_store`."""
        return self.open_store()

    def open_store(self) -> "late.Store":
        """Return a handle of the store apart from `store`, for another thread or process to use and close.

        Raises:
            NotAStore: something else is at its place.
            NewerFormat: the store was written by a later version.
            DiskFull, StoreUnwritable: it could not be made.
        """
        store = late.Store.open(self.store_path, create=True, group=self.config.is_on("store.shared"))
        store.wants_chunks = self.config.is_on("store.chunks")
        if self.config.text("store.path") is not None:
            with suppress(OSError, TrackError):  # a store that may only be read
                late.register(store.rooms, self.git.common_dir)
        return store

    @cached_property
    def stat_cache(self) -> StatCache:
        """Return what is known of the working files' stats."""
        return StatCache(self.worktree_state / "stat.db")

    def held(self, name: str, make: Callable[[], Handle]) -> Handle:
        """Return the handle of that name, made the first time and closed with the project: one that few verbs need."""
        if name not in self._handles:
            self._handles[name] = make()
        return cast(Handle, self._handles[name])

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the working tree for a verb that changes it; `.store` is made again when it is missing.

        Raises:
            Locked: another `track` held it for longer than `lock.timeout`.
        """
        publish.make_directories(self.worktree_state)
        with Lock(self.worktree_state / "lock").exclusive(self.config.seconds("lock.timeout")):
            with suppress(FileNotFoundError):  # whatever is done now, the next hook looks again
                publish.remove(self.worktree_state / IN_STEP)
            self.link_store()
            yield

    def relative(self, path: str | bytes | Path) -> bytes:
        """Return a path as the user wrote it, from where they are, as bytes from the top (the top itself: empty).

        Raises:
            OutsideRepository: it is not in this working tree, or in `.git`, `.store`, or another repository in it.
            ForbiddenPath: it goes through a link.
        """
        shown = display(os.fsencode(path))
        inner = self._below_top(os.fsencode(path))
        if inner is None:
            raise OutsideRepository(
                f"{shown} is outside the repository at {display(str(self.root))}",
                hint="copy or move it into the repository, then name it there",
            )
        if not inner:
            return b""
        if trouble := check_entry_path(inner):
            raise OutsideRepository(f"{shown} {trouble}", hint="name a file or folder of your working tree")
        if inner.split(b"/")[0].lower() == STORE_LINK:
            raise OutsideRepository(f"{shown} is in the store", hint="name the file in your working tree")
        self._check_parents(inner, shown)
        return inner

    def pointers(self) -> dict[bytes, "reading.Pointer"]:
        """Return the pointers in the working tree by their own paths, sorted; somebody else's files are left out.

        Raises:
            MalformedPointer: one of them breaks the rules.
            NewerFormat: one of them was written by a later version.
        """
        found = {}
        for path, content in log.pointers_in_worktree(self.git):
            with suppress(NotAPointer):
                found[path] = reading.parse_pointer(content, path)
        return found

    def link_state(self) -> LinkState:
        """Return what `.store` at the top of the working tree is; nothing is changed."""
        if self.git.is_tracked([STORE_LINK]):
            return "tracked"
        try:
            found = os.readlink(os.path.join(os.fsencode(self.root), STORE_LINK))
        except FileNotFoundError:
            return "missing"
        except OSError:
            return "fine" if self._is_stand_in() else "elsewhere"
        return "fine" if found == self._link_target() else "elsewhere"

    def link_store(self) -> LinkState:
        """Make the `.store` link when it is missing, and return what it is then.

        Where links cannot be made it is a folder with a note. Tracked, or pointing elsewhere, it is left alone and
        reported in `warnings`.
        """
        with suppress(OSError):
            if os.readlink(os.path.join(os.fsencode(self.root), STORE_LINK)) == self._link_target():
                return "fine"
        state = self.link_state()
        if state == "missing":
            self._exclude_link()
            with self.gate.directory(b"") as top, suppress(FileExistsError):
                try:
                    publish.make_symlink(self._link_target(), STORE_LINK, dir_fd=top)
                except (OSError, TrackError):
                    self._make_stand_in(top)
            return "fine"
        if state == "fine":
            return state
        what = "is tracked by Git" if state == "tracked" else "is not the link to this clone's store"
        link = typed(STORE_LINK)
        aside = f"to have it made again: rm {link}" if state == "elsewhere" else f"to let Git forget it: git rm {link}"
        self.warnings.append(
            f"`.store` {what}; it is left alone and not used (the store is {self.store_path}); {aside}"
        )
        return state

    def relink_store(self, before: Path) -> LinkState:
        """Make `.store` point to where the store is now, if it is the link to where it was `before`; else as ever."""
        with self.gate.directory(b"") as top, suppress(OSError):
            if os.readlink(STORE_LINK, dir_fd=top) == os.path.relpath(os.fsencode(before), os.fsencode(self.root)):
                publish.remove(STORE_LINK, dir_fd=top)
        return self.link_store()

    def _make_stand_in(self, top: int) -> None:
        """Make a folder in place of the link; only a note is in it, never data."""
        publish.make_directory(STORE_LINK, dir_fd=top)
        note = f"The store of this clone is {self.store_path}\n"
        publish.publish_bytes(STORE_LINK + b"/" + STORE_NOTE, os.fsencode(note), dir_fd=top, durable=False)

    def _is_stand_in(self) -> bool:
        try:
            return os.listdir(self.root / os.fsdecode(STORE_LINK)) == [os.fsdecode(STORE_NOTE)]
        except OSError:
            return False

    def _link_target(self) -> bytes:
        return os.path.relpath(os.fsencode(self.store_path), os.fsencode(self.root))

    def _exclude_link(self) -> None:
        """Have Git ignore what is `EXCLUDED`, whatever the `.gitignore` of a branch says."""
        exclude = self.git.common_dir / "info" / "exclude"
        try:
            before = exclude.read_bytes()
        except FileNotFoundError:
            publish.make_directories(exclude.parent)
            before = b""
        lacking = [line + b"\n" for line in EXCLUDED if line not in before.splitlines()]
        if lacking:
            separator = b"" if not before or before.endswith(b"\n") else b"\n"
            publish.publish_bytes(exclude, before + separator + b"".join(lacking))

    def _below_top(self, path: bytes) -> bytes | None:
        top = os.fsencode(self.root)
        whole = os.path.normpath(os.path.join(os.path.realpath(os.fsencode(self.cwd)), path))
        if (inner := _inside(whole, top)) is not None:
            return inner
        folder, name = os.path.split(whole)
        return _inside(os.path.join(os.path.realpath(folder), name), top)

    def _check_parents(self, inner: bytes, shown: str) -> None:
        """Refuse a path below a link, or in another repository (a submodule, a nested clone)."""
        parts = inner.split(b"/")
        for depth in range(1, len(parts)):
            folder = os.path.join(os.fsencode(self.root), *parts[:depth])
            try:
                mode = os.lstat(folder).st_mode
            except OSError:
                return
            name = display(b"/".join(parts[:depth]))
            if stat.S_ISLNK(mode):
                raise ForbiddenPath(f"{shown} is beyond the link {name}", hint="name the place it points to")
            if os.path.lexists(os.path.join(folder, b".git")):
                raise OutsideRepository(f"{shown} is in another repository, {name}", hint=f"cd {name}")


_UNKNOWN_SETTINGS = (
    "the settings of this project, its remotes among them, are left out by this sparse checkout and not in this "
    "partial clone: git sparse-checkout add .track"
)


def is_set_up(git: Git) -> bool:
    """Return whether `track init` ran here: a committed configuration, or state of this clone."""
    if os.path.lexists(git.top / os.fsdecode(CONFIG)) or (git.common_dir / "track").is_dir():
        return True
    return bool(left_out(git, [CONFIG]))


def config_left_out(git: Git) -> bytes | None:
    """Return the committed configuration as Git's index has it, where a sparse checkout leaves it out; None where a
    partial clone lacks that, too.
    """
    if os.path.lexists(git.top / os.fsdecode(CONFIG)):
        return None
    return present_among(git, left_out(git, [CONFIG])).get(CONFIG)


def load_config(git: Git, flags: Mapping[str, str] | None = None) -> tuple[Config, tuple[str, ...]]:
    """Return the configuration of a repository, and warnings about files that were left aside."""
    sources = [Source("clone", git.common_dir / "track" / "config.toml")]
    warnings: tuple[str, ...] = ()
    if (git.top / ".track").is_symlink():
        warnings = ("`.track` is a link; the configuration behind it is ignored",)
    else:
        sparse = config_left_out(git)
        sources.append(Source("project", git.top / os.fsdecode(CONFIG), sparse))
        is_unknown = sparse is None and is_sparse(git) and not os.path.lexists(git.top / os.fsdecode(CONFIG))
        if is_unknown and left_out(git, [CONFIG]):
            warnings = (_UNKNOWN_SETTINGS,)
    sources.append(Source("user", config.user_file()))
    return _believed(config.load(tuple(sources), os.environ, flags), Consents(git.common_dir)), warnings


def store_wish(path: str) -> Wish:
    """Return what a clone's own file asks for when it names a place for the store: the file may be a stranger's."""
    return Wish("setting", "store.path", (line("store.path", path),))


def _believed(settings: Config, consents: Consents) -> Config:
    """Return the configuration without a place in this clone's file that nobody here chose: it was unpacked with it."""
    for setting in settings.settings.get("store.path", ()):
        if setting.layer == "clone" and not consents.has(store_wish(str(setting.value))):
            warning = f"`store.path` in {display(setting.source)} was not set by you and is ignored: track trust"
            return settings.without(setting, warning)
    return settings


def _inside(path: bytes, top: bytes) -> bytes | None:
    if path == top:
        return b""
    base = top if top.endswith(b"/") else top + b"/"
    return path[len(base) :] if path.startswith(base) else None
