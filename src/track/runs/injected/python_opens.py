"""Notes which files a Python program opens, for `sitecustomize` beside it; it imports nothing of ours.

It may run in any Python of 3.6 or later that the person's command starts, so it does without track, says nothing, and
never fails. One before 3.9 cannot evaluate the types of functions, so these are in quotes; one before 3.8 has no hook
to put in front. What it notes is read by `track.runs.observe`, one record for each file and direction.
"""

import _thread
import atexit
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR
_BETWEEN = "/.git/"
_ASK_EVERY_S = 0.1
_TOLD_AFTER_S = 1.0
_STACK_BYTES = 256 << 10
_ROUNDS = 1000
_STARTING = {"subprocess.Popen": 1, "os.posix_spawn": 1, "os.exec": 1, "os.spawn": 2, "os.system": 0}
"""Events of a program that is started, and where its words stand among what they tell."""
_MOVING = {"os.rename": 1, "os.link": 1, "os.symlink": 1, "os.truncate": 0}
"""Events of a file that comes to a place or is cut, and is not opened; and where that stands among what they tell."""
_TOLD = {"open", *_STARTING, *_MOVING}
_PYTHONS = ("python", "pypy", "ipython")
_NO_WORDS = str.maketrans(dict.fromkeys("'\"|&;<>()$`=,:", " "))
_WORDS = 1000
_ASIDE = "track.aside"


def observe(place: str, top: str, watched: str, kernel_opens: "Callable[..., Any]") -> None:
    """Note in `place` what is opened below `top`; `watched` lists, if given, what `kernel_opens` asks about."""
    inside = top.rstrip("/") + "/"
    seen: set[tuple[str, bool]] = set()
    folder, is_absolute, now = os.getcwd, os.path.isabs, time.monotonic
    note, behind = _noting(place), _following()
    named, moved = _naming(note, inside, behind), _moving(note, inside, behind)
    aside: dict[int, int] = {}
    ask = _asking(note, _marking(watched, kernel_opens), aside) if watched else None
    turn = _turning(place, aside, ask)
    asked, thread = 0.0, _thread.get_ident

    def opened(event: str, arguments: "tuple[object, ...]") -> None:
        nonlocal asked
        if event not in _TOLD and event != _ASIDE:
            return
        try:
            if event == _ASIDE:
                turn(*arguments)  # type: ignore[arg-type]  # as ours says it
                return
            if aside and thread() in aside:
                return
            if event != "open":
                if ask is not None and event == "os.exec":  # nothing of this program comes after it
                    ask()
                (named if event in _STARTING else moved)(event, arguments)
                return
            if ask is not None and now() - asked > _ASK_EVERY_S:
                ask()
                asked = now()
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
                    note((b"W" if writes else b"R") + os.fsencode(each))
        except Exception:  # the person's program is not to end because we looked
            return

    _describe(note)
    if hasattr(sys, "addaudithook"):
        sys.addaudithook(opened)
    else:
        note(b"N1")


def _turning(place: str, aside: "dict[int, int]", ask: "Callable[[], None] | None") -> "Callable[[int, bool], None]":
    """What hears that a thread opens files for track itself, which are none that the program uses, and when it is over.

    A tracer is told by what is opened: the notes for reading, and then their folder. The kernel tells a process only
    as a whole: what it has to tell of that time is left.
    """

    def mark(path: str) -> None:
        os.close(os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)))

    def turn(thread: int, begins: bool) -> None:
        count = aside.get(thread, 0) + (1 if begins else -1)
        if begins and count == 1:
            if ask is not None and not aside:
                ask()
            aside[thread] = count
            mark(place)
        elif count > 0:
            aside[thread] = count
        elif thread in aside:
            mark(os.path.dirname(place))
            if ask is not None and len(aside) == 1:
                ask()
            aside.pop(thread, None)

    def only_own() -> None:
        own = _thread.get_ident()
        for thread in [each for each in aside if each != own]:
            del aside[thread]

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=only_own)
    return turn


def _following() -> "Callable[[str], str]":
    """What says where a path leads to when links are followed; each folder is looked up once."""
    folders: dict[str, str] = {}
    read_link, real = os.readlink, os.path.realpath

    def behind(full: str) -> str:
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

    return behind


def _naming(
    note: "Callable[[bytes], None]", inside: str, behind: "Callable[[str], str]"
) -> "Callable[[str, tuple[object, ...]], None]":
    """What notes that a program is started which is no Python, and the files named to it: what it opens is not seen."""

    def named(event: str, arguments: "tuple[object, ...]") -> None:
        words = _words(arguments[_STARTING[event]])
        if words and (os.path.basename(words[0]) == "git" or os.path.basename(words[0]).startswith(_PYTHONS)):
            if event == "os.system":  # its shell may write, too
                note(b"U")
            return
        note(b"U")
        given = arguments[2] if event == "subprocess.Popen" else None
        base = os.path.join(os.getcwd(), os.fsdecode(given)) if isinstance(given, (str, bytes)) else os.getcwd()
        for word in words[:_WORDS]:
            full = os.path.normpath(os.path.join(base, word))
            for each in {full, behind(full)}:
                if each.startswith(inside) and _BETWEEN not in each:
                    note(b"C" + os.fsencode(each))

    return named


def _moving(
    note: "Callable[[bytes], None]", inside: str, behind: "Callable[[str], str]"
) -> "Callable[[str, tuple[object, ...]], None]":
    """What notes as written what comes to its place without being opened there, or that it is not known which."""

    noted: set[str] = set()

    def moved(event: str, arguments: "tuple[object, ...]") -> None:
        place = arguments[_MOVING[event]]
        if isinstance(place, int):  # it was opened
            return
        path = os.fsdecode(place)  # type: ignore[arg-type]  # as Python takes it
        if event != "os.truncate" and arguments[-1] != -1 and not os.path.isabs(path):
            note(b"U")
            return
        full = os.path.normpath(os.path.join(os.getcwd(), path))
        for each in {full, behind(full)} - noted:
            if each.startswith(inside) and _BETWEEN not in each:
                noted.add(each)
                note(b"W" + os.fsencode(each))

    return moved


def _words(told: object) -> "list[str]":
    """The words that a program is started with, and those that a shell would find in them."""
    each = [told] if isinstance(told, (str, bytes)) or hasattr(told, "__fspath__") else list(told)  # type: ignore[call-overload]  # as Python takes it
    words = [os.fsdecode(word) for word in each[:_WORDS]]
    return words + [part for word in words for part in word[:65536].translate(_NO_WORDS).split() if part != word]


def _noting(place: str) -> "Callable[[bytes], None]":
    """What adds a record to the notes. A program may close what it did not open, and get the number for a file of its
    own: the notes are opened anew then, and that file is left alone.
    """
    flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
    notes = os.open(place, flags)
    found = os.fstat(notes)
    known = (found.st_dev, found.st_ino)

    def is_here() -> bool:
        try:
            found = os.fstat(notes)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == known

    def note(record: bytes) -> None:
        nonlocal notes
        if not is_here():
            notes = os.open(place, flags)
        os.write(notes, record + b"\0")

    return note


def _marking(watched: str, kernel_opens: "Callable[..., Any]") -> "Callable[[], Any]":
    """What has the kernel asked about the watched files from now on."""
    with open(watched, "rb") as file:
        paths = file.read().split(b"\0")[:-1]
    files = [path for path in paths if not path.endswith(b"/")]
    inside = [path[:-1] for path in paths if path.endswith(b"/")]
    return lambda: kernel_opens(files, inside)


def _asking(
    note: "Callable[[bytes], None]", mark: "Callable[[], Any]", aside: "dict[int, int]"
) -> "Callable[[], None]":
    """What notes the watched files that this process opened without Python since the last time; its end is one, too.
    While a thread is `aside`, they may be track's own.

    A forked child asks for itself. One of `multiprocessing` ends without the usual ado, but for what it was told to
    finish.
    """
    try:
        opens = mark()
    except Exception:  # an old Python, or one without ctypes; there may be a limit
        note(b"N1")
        return lambda: None

    def tell(found: "dict[bytes, int]") -> None:
        for path, what in found.items():
            note(b"K%d %d %s" % (what, os.getpid(), path))

    def ask() -> None:
        try:
            found = opens.take()
            tell({} if aside else found)
        except Exception:  # as above
            return

    now_and_then = _NowAndThen(ask)

    def renew() -> None:
        nonlocal opens
        try:
            opens.close()
            opens = mark()
            now_and_then.start()
            told = sys.modules.get("multiprocessing.util")
            if told is not None:
                told.register_after_fork(ask, lambda _: told.Finalize(None, end, exitpriority=-100))
        except Exception:  # as above
            note(b"N1")

    def ask_and_start() -> None:
        ask()
        now_and_then.start()

    def end() -> None:
        try:
            now_and_then.stop()
            tell(opens.take())
            tell(opens.written())
            if opens.left_out_count:
                note(b"N%d" % opens.left_out_count)
        except Exception:  # as above
            return

    now_and_then.start()
    atexit.register(end)
    os.register_at_fork(before=now_and_then.stop, after_in_child=renew)
    return ask_and_start


class _NowAndThen:
    """Asks every second in a thread, for a program that opens nothing in Python and is killed.

    While the program forks there is no such thread: a process of several may not fork without a warning (from Python
    3.12 on). The next file that Python opens, in it or in its child, brings it back.
    """

    def __init__(self, ask: "Callable[[], None]") -> None:
        self._ask = ask
        self._process = self._number = 0
        self._over = self._gone = _thread.allocate_lock()

    def start(self) -> None:
        """Begin, if it has not."""
        if self._process == os.getpid() or not hasattr(_thread, "get_native_id"):
            return
        try:
            self._over, self._gone = _thread.allocate_lock(), _thread.allocate_lock()
            self._over.acquire()
            self._gone.acquire()
            before = _thread.stack_size(_STACK_BYTES)
            try:
                _thread.start_new_thread(self._go_on, (self._over, self._gone))
                self._process = os.getpid()
            finally:
                _thread.stack_size(before)
        except Exception:  # there may be a limit: what is opened in Python brings the rest
            return

    def stop(self) -> None:
        """End it, and wait until it is gone; a copy of its process has none."""
        is_here, self._process = self._process == os.getpid(), 0
        if is_here:
            self._over.release()
            self._gone.acquire()
            for _ in range(_ROUNDS):  # Python is done with it, and the kernel not quite
                if not os.path.exists(f"/proc/self/task/{self._number}"):
                    return
                time.sleep(0.0001)

    def _go_on(self, over: "_thread.LockType", gone: "_thread.LockType") -> None:
        self._number = _thread.get_native_id()
        while not over.acquire(timeout=_TOLD_AFTER_S):
            self._ask()
        gone.release()


def _describe(note: "Callable[[bytes], None]") -> None:
    """Say which Python this is, and what is installed for it: the names of its `dist-info` folders."""
    version = ".".join(map(str, sys.version_info[:3]))
    names: set[str] = set()
    for folder in sys.path:
        try:
            names.update(name[:-10] for name in os.listdir(folder or ".") if name.endswith(".dist-info"))
        except OSError:
            continue
    facts = [sys.implementation.name, version, sys.executable or "", *sorted(names)]
    note(b"P" + "\n".join(facts).encode("utf-8", "surrogateescape"))
