"""Ending: what ended this program, known when what it left open is closed."""

import ctypes
import gc
import sys
from collections.abc import Callable
from functools import wraps
from typing import NoReturn

_codes: list[object] = []
"""What Python itself asked a `SystemExit` for, which it does when one ends the program."""
_is_watched = False


def watch_exit() -> None:
    """From now on `error` knows of a `SystemExit` that ends the program.

    Python tells nobody of one: no hook hears of it, and it is gone when exit handlers run. But it asks it for its
    `code` first, while no function of the program runs any more. So `code` becomes a property which notes that; for
    everybody else it is what it was. Where a Python keeps its types otherwise, nothing changes, and nothing is known.
    """
    global _is_watched
    fields = next(iter(gc.get_referents(SystemExit.__dict__)), None)
    if _is_watched or not isinstance(fields, dict) or "code" not in fields or not hasattr(ctypes, "pythonapi"):
        return
    member = fields["code"]
    read: Callable[[SystemExit], object] = member.__get__

    def code(error: SystemExit) -> object:
        found = read(error)
        try:
            sys._getframe(1)
        except ValueError:  # nobody below: the program is over
            _codes.append(found)
        return found

    fields["code"] = property(code, member.__set__, member.__delete__, member.__doc__)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(SystemExit))
    _is_watched = True
    if sys.version_info < (3, 12):  # before, what `sys.exit` raises is made only when somebody catches it
        sys.exit = _exit


@wraps(sys.exit)
def _exit(status: object = None, /) -> NoReturn:
    raise SystemExit(*(status if isinstance(status, tuple) else () if status is None else (status,)))


def error() -> BaseException | None:
    """What ended the program, when its exit handlers run: an exception, a `SystemExit` with its code, or nothing."""
    if _codes:
        return SystemExit(_codes[-1])
    found: BaseException | None = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    return found


def exit_code(error: SystemExit) -> int:
    """The code with which a program ends by it, as whoever started the program sees it."""
    if error.code is None:
        return 0
    return error.code & 255 if isinstance(error.code, int) else 1
