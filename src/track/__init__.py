"""Data versioning that lives in Git."""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "Client": "track.api.client",
    "Digest": "track.model.digest",
    "LogHandler": "track.api.log_handler",
    "Project": "track.project",
    "Run": "track.api.run",
    "TrackError": "track.errors",
}

__all__ = ["Client", "Digest", "LogHandler", "Project", "Run", "TrackError", "__version__"]


def __getattr__(name: str) -> object:
    """A public name, loaded when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
