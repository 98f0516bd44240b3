"""Consents: what the person here has allowed, in a record of their own that no repository can bring along.

The record is `track/trust.toml` in the user's state directory. An entry holds for one clone: for a random number in
its Git directory that nobody else learns, together with where that directory is, so that neither another repository
at the same path nor a copy elsewhere inherits it; and for the exact lines that were shown. A clone that was moved is
known by the inode of the file with the number, which a copy or an unpacked archive does not have.

Beside it, `track/runs/<number>-<inode>` has the ids of the runs that this user began in a clone, a line each: whoever
hands over a Git directory hands over a journal with it.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from track import publish
from track.errors import BadConfig
from track.lending import lend
from track.locks import Lock
from track.model import toml
from track.model.names import display, text_of
from track.model.wish import Wish

_LIMIT = 4 << 20
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_HEAD = b"# What `track trust` was told: track trust --list   track trust --revoke\nformat = 1\n"
_HEX = set("0123456789abcdef")


class Given(NamedTuple):
    """One entry of the record: for which clone, and what was allowed there."""

    clone: str
    path: str
    inode: int
    wish: Wish


class Consents:
    """What was allowed in one clone. Nothing is read or made before it is asked."""

    def __init__(self, common_dir: Path, record: Path | None = None) -> None:
        """`common_dir` is the clone's Git directory; `record` the file, by default the user's own."""
        self.record = record or record_of_user()
        self._mark = common_dir / "track" / "trust-id"
        self._path = text_of(os.path.realpath(os.fsencode(common_dir)))

    def has(self, wish: Wish) -> bool:
        """Whether exactly this was allowed here.

        Raises:
            BadConfig: the record cannot be read, or others than its owner may write it.
        """
        return wish in self.here()

    def here(self) -> tuple[Wish, ...]:
        """Everything that was allowed in this clone, in the order in which it was. Raises as `has`."""
        clone = self._clone()
        return tuple(given.wish for given in self.everywhere() if self._is_ours(given, clone)) if clone else ()

    def everywhere(self) -> tuple[Given, ...]:
        """The whole record. Raises as `has`."""
        content = _content(self.record)
        if content is None:
            return ()
        try:
            document = toml.parse(content)
            if document.get("format") != 1:
                raise ValueError("it is of a later format")
            return tuple(map(_given, document.get("consent", [])))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            shown, why = display(str(self.record)), display(toml.fault(error))
            raise BadConfig(f"{shown} cannot be read: {why}", hint=f"rm {shown}   forgets it") from error

    def give(self, wishes: Iterable[Wish]) -> None:
        """Remember that these were allowed here, in place of what was allowed for the same kinds and names."""
        new = tuple(dict.fromkeys(wishes))
        if not new or set(new) <= set(self.here()):
            return
        clone = self._clone() or self._new_clone()
        told = [Given(clone, self._path, self._inode(), wish) for wish in new]
        names = {(wish.kind, wish.name) for wish in new}
        self._change(lambda given: self._is_ours(given, clone) and (given.wish.kind, given.wish.name) in names, told)

    def revoke(self, kind: str | None = None, name: str | None = None) -> tuple[Wish, ...]:
        """Take back what was allowed here, of that kind and name alone where they are given; what was taken back."""
        clone = self._clone()
        gone = tuple(wish for wish in self.here() if kind in (None, wish.kind) and name in (None, wish.name))
        if gone:
            self._change(lambda given: self._is_ours(given, clone) and given.wish in gone, [])
        return gone

    def note_run(self, run: str) -> None:
        """Remember that the person here began the run with this id. Raises OSError, DiskFull or StoreUnwritable."""
        place = self._runs(self._clone() or self._new_clone())
        content = run.encode("ascii") + b"\n"
        try:
            fd = os.open(place, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            publish.make_directories(place.parent, mode=0o700)
            fd = publish.create(place, mode=0o600)
        try:
            os.write(fd, content)
        finally:
            os.close(fd)

    def has_run(self, run: str) -> bool:
        """Whether the person here began the run with this id. Raises as `has`."""
        clone = self._clone()
        return bool(clone) and run.encode("ascii") in (_content(self._runs(clone)) or b"").split(b"\n")

    def _runs(self, clone: str) -> Path:
        return self.record.parent / "runs" / f"{clone}-{self._inode()}"

    def _change(self, goes: Any, told: list[Given]) -> None:
        publish.make_directories(self.record.parent, mode=0o700)
        with Lock(self.record.with_suffix(".lock")).exclusive():
            kept = [given for given in self.everywhere() if not goes(given)]
            text = "".join(toml.table("consent", _rows(given), ordered=True, array=True) for given in (*kept, *told))
            publish.publish_bytes(self.record, _HEAD + text.encode(), mode=0o600)

    def _is_ours(self, given: Given, clone: str) -> bool:
        return given.clone == clone and (given.path == self._path or given.inode == self._inode() != 0)

    def _inode(self) -> int:
        """The inode of the file with this clone's number; 0 when there is none."""
        try:
            return os.lstat(self._mark).st_ino
        except OSError:
            return 0

    def _clone(self) -> str:
        """The number of this clone; empty when it has none, so that nothing was allowed in it."""
        found = (_content(self._mark, own=False) or b"").decode("ascii", "replace").strip()
        return found if len(found) == 32 and set(found) <= _HEX else ""

    def _new_clone(self) -> str:
        made = os.urandom(16).hex()
        publish.make_directories(self._mark.parent)
        publish.publish_bytes(self._mark, made.encode() + b"\n", mode=0o600)
        lend(self._mark)  # it says nothing by itself: each has a record of their own
        return made


def record_of_user() -> Path:
    """Where the record of the user is, which need not exist."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.environ.get("HOME") or os.path.expanduser("~"), ".local", "state")
    return Path(base) / "track" / "trust.toml"


def _rows(given: Given) -> dict[str, object]:
    wish = given.wish
    return {
        "clone": given.clone,
        "path": given.path,
        "inode": given.inode,
        "kind": wish.kind,
        "name": wish.name,
        "digest": str(wish.digest),
        "lines": list(wish.lines),
    }


def _given(row: dict[str, Any]) -> Given:
    """One entry; raises ValueError when its lines are not those that it was given for."""
    texts = [row[name] for name in ("clone", "path", "kind", "name")]
    lines = tuple(row["lines"])
    if not all(isinstance(text, str) for text in (*texts, *lines)):
        raise ValueError("an entry is not text")
    wish = Wish(texts[2], texts[3], lines)
    if row["digest"] != str(wish.digest):
        raise ValueError(f"the lines for {wish.label} are not those that were allowed")
    return Given(texts[0], texts[1], int(row.get("inode", 0)), wish)


def _content(path: Path, *, own: bool = True) -> bytes | None:
    """The bytes of a small file; None when there is none. With `own` it must be ours, and no one else may write it.

    Raises BadConfig.
    """
    shown = display(str(path))
    try:
        fd = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BadConfig(f"{shown} cannot be read: {(error.strerror or str(error)).lower()}") from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LIMIT:
            raise BadConfig(f"{shown} is not the file that track wrote", hint=f"look at it, then: rm {shown}")
        if own and hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
            raise BadConfig(
                f"{shown} may be written by others, so it says nothing", hint=f"look at it, then: chmod 600 {shown}"
            )
        content = b""
        while piece := os.read(fd, _LIMIT):
            content += piece
        return content
    finally:
        os.close(fd)
