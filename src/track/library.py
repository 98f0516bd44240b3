"""The library of C: functions that only Linux has, by ctypes.

That is loaded with the first that is called: a question to the catalog calls none, and is a fiftieth faster without.
"""

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any


def types() -> Any:
    """The module `ctypes`."""
    return import_module("ctypes")


@cache
def call(name: str) -> Callable[..., int] | None:
    """A function of the C library that only Linux has; None where it is not."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        function: Callable[..., int] = types().CDLL(None, use_errno=True)[name]
    except (ImportError, OSError, AttributeError):  # the first as well where somebody may not read Python's files
        return None
    return function


@cache
def system_call() -> Callable[[int, int, bytes, bytes, int], int] | None:
    """The C library's `syscall`, for what it has no function: its number, a descriptor, a path, a structure, its size.

    A failure is -1, and `error` tells which. None where there is none.
    """
    function: Any = call("syscall")
    if function is not None:
        ctypes = types()
        function.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
        function.restype = ctypes.c_long
    asking: Callable[[int, int, bytes, bytes, int], int] | None = function
    return asking


def error() -> int:
    """The number of the error with which the last call of this thread ended."""
    number: int = types().get_errno()
    return number
