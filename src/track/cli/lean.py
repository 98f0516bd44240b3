"""Lean: what the library of the command line imports for what few commands do is loaded by those alone.

`click` and `dataclasses` import `inspect`, and with it Python's parser, tokenizer and disassembler. Loading them is a
fourteenth of the time of a question to the catalog, which uses one function of all that, for the text of each option.
As in Mercurial's `demandimport`, the rest is loaded when it is asked for.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_NAME = "inspect"


class _Inspect(ModuleType):
    """What those two modules know as `inspect`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(), name)

    @staticmethod
    def cleandoc(text: str) -> str:
        """As `inspect.cleandoc`; a single line that begins with no blank is clean."""
        is_clean = text.isprintable() and not text.startswith(" ")
        clean: str = text if is_clean else _real().cleandoc(text)
        return clean


def load() -> None:
    """Load `click` and `dataclasses`; nobody else meets what stands in for `inspect`."""
    if _NAME not in sys.modules:
        sys.modules[_NAME] = _Inspect(_NAME)
    try:
        import_module("dataclasses")
        import_module("click")
    finally:
        _remove()


def _remove() -> None:
    if isinstance(sys.modules.get(_NAME), _Inspect):
        del sys.modules[_NAME]


def _real() -> ModuleType:
    _remove()  # it is asked for something while those two are loaded
    return import_module(_NAME)
