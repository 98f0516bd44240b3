"""Asking: what a program hands over is what was asked for, or an error says which it is, and what it may be."""

import codecs
import operator
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from track.errors import UsageError
from track.model.names import told

Kind = Callable[[str, Any], Any]
"""Gives a value as the method wants it, by the name of its parameter; raises UsageError where it cannot be."""

_P = ParamSpec("_P")
_T = TypeVar("_T")
_SHOWN = 60
_VARIADIC, _KEYED = 0x04, 0x08  # as `inspect.CO_VARARGS` and `CO_VARKEYWORDS`, which takes 10 ms to load


def asks(**kinds: Kind) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """A method of which these parameters are checked before it begins; of `*paths` and `**words` each.

    So is what is True or False when it is left out: whether `isolated="no"` is yes has to be nobody's guess. Nothing
    else is checked. A call that does not fit the signature stays the TypeError that Python makes of it.
    """

    def decorate(method: Callable[_P, _T]) -> Callable[_P, _T]:
        code = method.__code__
        count, keyed = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
        names = code.co_varnames
        flags = {name: flag for name, value in _defaults(method).items() if isinstance(value, bool)}
        checks = flags | kinds
        rest = names[keyed] if code.co_flags & _VARIADIC else None
        words = names[keyed + bool(rest)] if code.co_flags & _KEYED else None
        ordered = [checks.get(name) for name in names[:count]]
        of_rest = kinds.get(rest) if rest is not None else None
        known, of_words = set(names[:keyed]), kinds.get(words) if words is not None else None
        assert set(kinds) <= {*names[:keyed], rest, words}, method

        @wraps(method)
        def asked(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            given = [
                value if kind is None else kind(name, value)
                for name, kind, value in zip(names, ordered, args, strict=False)  # there may be fewer, or more
            ]
            for value in args[count:]:
                given.append(value if of_rest is None else of_rest(str(rest), value))
            for name, value in kwargs.items():
                kind = checks.get(name) if name in known else of_words
                if kind is not None:
                    kwargs[name] = kind(name, value)
            return method(*given, **kwargs)  # type: ignore[arg-type]  # the same parameters, checked

        return asked

    return decorate


def _defaults(method: Callable[..., Any]) -> dict[str, Any]:
    """What parameters are when they are left out, as `inspect.signature` would say it."""
    names = method.__code__.co_varnames[: method.__code__.co_argcount]
    last = method.__defaults__ or ()
    return dict(zip(names[len(names) - len(last) :], last, strict=True)) | (method.__kwdefaults__ or {})


def flag(name: str, value: Any) -> bool:
    """True or False, also as 1 and 0, and as NumPy has them."""
    is_numpy = (type(value).__module__, type(value).__name__[:4]) == ("numpy", "bool")
    if not is_numpy and not (isinstance(value, int) and value in (0, 1)):
        raise _not(name, value, "truth value", f"{name}=True or {name}=False")
    return bool(value)


def text(name: str, value: Any) -> str:
    """Text that can be written as UTF-8, or as the name of a file, without a NUL."""
    if not isinstance(value, str):
        raise _not(name, value, "text", f'{name}="..."')
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise _not(name, value, "text that can be written", "leave the half character out") from None
    if "\0" in value:
        raise _not(name, value, "text without a NUL", "leave that character out")
    return value


def plain(name: str, value: Any) -> str:
    """Text that is UTF-8 as it stands."""
    try:
        text(name, value).encode("utf-8")
    except UnicodeEncodeError:
        raise _not(name, value, "text that is UTF-8", "write it in letters") from None
    return str(value)


def path(name: str, value: Any) -> str:
    """A path: text, or something of `pathlib`."""
    found = value
    if isinstance(value, os.PathLike):
        found = os.fspath(value)
    if not isinstance(found, str):
        raise _not(name, value, "path", "text, or a pathlib.Path")
    return text(name, found)


def encoding(name: str, value: Any) -> str:
    """The name of an encoding of text that Python knows."""
    try:
        "x".encode(text(name, value))
    except (LookupError, UnicodeError):
        raise _not(name, value, "encoding that Python knows", "utf-8, latin-1 or another one") from None
    return str(value)


def error_handling(name: str, value: Any) -> str:
    """What Python does with bytes that are no text: `strict`, `replace`, `ignore` and others."""
    try:
        codecs.lookup_error(plain(name, value))
    except LookupError:
        raise _not(name, value, "way to handle errors", "strict, replace, ignore or surrogateescape") from None
    return str(value)


def file(name: str, value: Any) -> str:
    """The path of a file: one that is not empty."""
    if not (found := path(name, value)):
        raise _not(name, value, "path of a file", "text, or a pathlib.Path")
    return found


def maybe(kind: Kind) -> Kind:
    """The same, or None."""

    def found(name: str, value: Any) -> Any:
        return None if value is None else kind(name, value)

    return found


def each(kind: Kind) -> Kind:
    """Several of them as a tuple: a list, a tuple, a set, or what gives one after the other; one text is no list."""

    def found(name: str, value: Any) -> Any:
        if isinstance(value, str | bytes | os.PathLike):
            raise UsageError(
                f"{name} is one text and no list: {told(value, _SHOWN)}",
                hint='a list has each word for itself: ["python", "train.py"]',
            )
        if not isinstance(value, Iterable) or isinstance(value, Mapping):
            raise _not(name, value, "list", f"{name}=[...]")
        return tuple(kind(name, one) for one in value)

    return found


def words(name: str, value: Any) -> tuple[str, ...]:
    """One text, or several: as a tuple."""
    if isinstance(value, str):
        return (text(name, value),)
    found: tuple[str, ...] = each(text)(name, value)
    return found


def number(least: int) -> Kind:
    """A whole number, not less than this."""

    def found(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _not(name, value, "whole number", f"{least} or more")
        if value < least:
            raise UsageError(f"{name} is {told(value, _SHOWN)}, less than {least}", hint=f"{least} or more")
        return min(value, sys.maxsize)  # there is never more of anything, and some count in 64 bits

    return found


def index(name: str, value: Any) -> int:
    """A whole number, as Python takes it for the place in a list: those of NumPy, too."""
    try:
        return operator.index(value)
    except TypeError:
        raise _not(name, value, "whole number", "0 or more") from None


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """A mapping whose keys are text."""
    if not isinstance(value, Mapping):
        raise _not(name, value, "mapping", f'{name}={{"key": "value"}}')
    for key in value:
        text(f"a key of {name}", key)
    return value


def facts(name: str, value: Any) -> Mapping[str, Any]:
    """A mapping of names to text, numbers, truth values and times."""
    for key, fact in mapping(name, value).items():
        if not isinstance(fact, str | int | float | date):
            raise _not(f"{key!r} of {name}", fact, "text", "text, a number, true or false, or a date")
        if isinstance(fact, str):
            plain(f"{key!r} of {name}", fact)
    return dict(value)


def query(name: str, value: Any) -> Any:
    """A query: text, or a dictionary as MongoDB has them."""
    if isinstance(value, str):
        return plain(name, value)
    if not isinstance(value, Mapping):
        raise _not(name, value, "query", "text such as size > 20, or a dictionary")
    return value


def one_of(*choices: str) -> Kind:
    """One of these words."""

    def found(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise UsageError(f"{name} is none that there is: {told(value, _SHOWN)}", hint=", ".join(choices))
        return value

    return found


def moment(name: str, value: Any) -> Any:
    """A time: text, or a `datetime`."""
    return value if isinstance(value, datetime) else text(name, value)


def day(name: str, value: Any) -> Any:
    """A day or a time: text, a `date` or a `datetime`."""
    return value if isinstance(value, date) else text(name, value)


def function(name: str, value: Any) -> Any:
    """Something to be called."""
    if not callable(value):
        raise _not(name, value, "function", "a function, or None")
    return value


def _not(name: str, value: object, wanted: str, hint: str) -> UsageError:
    return UsageError(f"{name} is no {wanted}: {told(value, _SHOWN)}", hint=hint)
