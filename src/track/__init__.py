"""Data versioning that lives in Git."""

import sys
from importlib import import_module

TYPE_CHECKING = False  # `typing` takes longer to load than all else here
if TYPE_CHECKING:  # what a checker of types sees; a program loads each name when it asks for it
    from track.api.acting import as_user as as_user
    from track.api.client import Client as Client
    from track.api.handled import Labels as Labels
    from track.api.handler import Handler as Handler
    from track.api.log_handler import LogHandler as LogHandler
    from track.api.repo import Repo as Repo
    from track.api.run import Run as Run
    from track.api.store import Store as Store
    from track.api.version import Version as Version
    from track.errors import TrackError as TrackError
    from track.model.digest import Digest as Digest
    from track.project import Project as Project

__version__ = "0.1.0"

_HOMES = {
    "Client": "track.api.client",
    "Digest": "track.model.digest",
    "Handler": "track.api.handler",
    "Labels": "track.api.handled",
    "LogHandler": "track.api.log_handler",
    "Project": "track.project",
    "Repo": "track.api.repo",
    "Run": "track.api.run",
    "Store": "track.api.store",
    "TrackError": "track.errors",
    "Version": "track.api.version",
    "as_user": "track.api.acting",
}

__all__ = [
    *("Client", "Digest", "Handler", "Labels", "LogHandler", "Project", "Repo", "Run", "Store", "TrackError"),
    "Version",
    *("__version__", "as_user"),
]

_WITH_HOOKS = ("logging", "concurrent.futures.thread")
"""What has hooks for forks of its own: they have to be set before those of `track.forks`."""

if "threading" in sys.modules:  # what a fork needs to wait for a thread that loads the rest; its hooks come last
    for _one in (*_WITH_HOOKS, "track.forks"):
        import_module(_one)


def __getattr__(name: str) -> object:
    """A public name, loaded when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    threading = sys.modules.get("threading")
    if threading is None or threading.active_count() == 1:
        return getattr(import_module(_HOMES[name]), name)
    for one in _WITH_HOOKS:
        import_module(one)
    with import_module("track.forks").inside():  # a child forked meanwhile would wait for the lock of a module for ever
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
