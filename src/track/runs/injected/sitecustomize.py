"""Notes which files a Python program opens; found by Python itself at its start, and imports nothing of ours.

It may run in any Python that the person's command starts, so it does without track, says nothing, and never fails: a
program is not to notice it. What it notes is read by `track.runs.observe`, one record for each file and direction.
"""

import os
import sys

_WRITING = os.O_WRONLY | os.O_RDWR
_BETWEEN = "/.git/"


def _observe(place: str, top: str) -> None:
    notes = os.open(place, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
    inside = top.rstrip("/") + "/"
    seen: set[tuple[str, bool]] = set()
    folders: dict[str, str] = {}
    write, folder, is_absolute = os.write, os.getcwd, os.path.isabs
    read_link, real = os.readlink, os.path.realpath

    def behind(full: str) -> str:
        """Where a path leads to when links are followed; each folder is looked up once."""
        above, _, name = full.rpartition("/")
        place = folders.get(above)
        if place is None:
            place = folders[above] = real(above or "/")
        path = place.rstrip("/") + "/" + name
        try:
            read_link(path)
        except OSError:  # it is no link
            return path
        return real(path)

    def opened(event: str, arguments: tuple[object, ...]) -> None:
        if event != "open":
            return
        try:
            path, _, flags = arguments
            if isinstance(path, bytes):
                path = os.fsdecode(path)
            if not isinstance(path, str) or not isinstance(flags, int):
                return
            if not is_absolute(path):
                path = os.path.join(folder(), path)
            writes = bool(flags & _WRITING)
            if (path, writes) in seen:
                return
            seen.add((path, writes))
            full = path if "/." not in path and "//" not in path else os.path.normpath(path)
            for each in {full, behind(full)}:
                if each.startswith(inside) and _BETWEEN not in each:
                    write(notes, (b"W" if writes else b"R") + os.fsencode(each) + b"\0")
        except Exception:  # the person's program is not to end because we looked
            return

    _describe(notes)
    sys.addaudithook(opened)


def _describe(notes: int) -> None:
    """Say which Python this is, and what is installed for it: the names of its `dist-info` folders."""
    version = ".".join(map(str, sys.version_info[:3]))
    names: set[str] = set()
    for folder in sys.path:
        try:
            names.update(name[:-10] for name in os.listdir(folder or ".") if name.endswith(".dist-info"))
        except OSError:
            continue
    facts = [sys.implementation.name, version, sys.executable or "", *sorted(names)]
    os.write(notes, b"P" + "\n".join(facts).encode("utf-8", "surrogateescape") + b"\0")


def _is_here(folder: str, own: str) -> bool:
    return os.path.realpath(folder or ".") == own


_own = os.path.realpath(os.path.dirname(__file__))
_place, _top = os.environ.get("TRACK_OBSERVED"), os.environ.get("TRACK_OBSERVED_TOP")
if _place and _top:
    try:
        _observe(_place, _top)
    except Exception:  # what cannot be observed runs all the same
        _place = None

# The person may have a `sitecustomize` too: ours steps aside for it.
_mine = sys.modules.get(__name__)
if __name__ == "sitecustomize":
    sys.path[:] = [folder for folder in sys.path if not _is_here(folder, _own)]
    sys.modules.pop(__name__, None)
    try:  # noqa: SIM105  # contextlib would be one more module in every program
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  # theirs, if there is one
    except ImportError:
        pass
    if _mine is not None:
        sys.modules.setdefault(__name__, _mine)
