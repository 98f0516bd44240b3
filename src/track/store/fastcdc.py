"""The library that finds where large objects are cut, loaded with the first of them: that takes 8 ms."""

from functools import cache
from importlib import import_module
from typing import Any


@cache
def cutter() -> Any:
    """What cuts, as a class; None where it is not installed, for it is an extra: large objects go whole then."""
    try:
        return getattr(import_module("pyfastcdc"), "FastCDC", None)  # a folder of that name is a module, too
    except ImportError:
        return None
