"""Tolerance: what goes wrong while a program is watched is told, and does not break the program."""

import logging
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from track.errors import TrackError, UsageError
from track.model.names import told

LOGGER = logging.getLogger("track")

_P = ParamSpec("_P")


class Tolerant(Protocol):
    """Something that was told whether to raise, and to whom what went wrong is told otherwise."""

    suppresses: bool

    def tell(self, error: BaseException) -> None:
        """Tell what went wrong."""


_T = TypeVar("_T", bound=Tolerant)


def tolerant(method: Callable[Concatenate[_T, _P], object]) -> Callable[Concatenate[_T, _P], bool]:
    """The method, which returns whether it did its work: what it raises is told instead where that was wished."""

    @wraps(method)
    def guarded(self: _T, /, *args: _P.args, **kwargs: _P.kwargs) -> bool:
        try:
            method(self, *args, **kwargs)
        except Exception as error:  # a bug of ours must not break the program of the user, either
            if not self.suppresses:
                raise
            self.tell(error)
            return False
        return True

    return guarded


def said(error: BaseException) -> str:
    """What went wrong, in a line."""
    if isinstance(error, TrackError):
        return f"{error.message} ({error.hint})" if error.hint else error.message
    return f"{type(error).__name__}: {error}"


def event_text(event: object) -> str:
    """The text of an event; of an exception its own, with its traceback where it has one. Raises UsageError."""
    if isinstance(event, BaseException):
        return "".join(traceback.format_exception(event)).rstrip("\n")
    if not isinstance(event, str):
        raise UsageError(f"not an event: {told(event)}", hint="text or an exception")
    return event
