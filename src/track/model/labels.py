"""Labels and tags: what a person types, and labels set or taken away at a place inside others."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from track.errors import UsageError
from track.model import toml
from track.model.expressions import expression
from track.model.names import display

Key = tuple[str, ...]
"""Where a label stands: the keys of the tables around it, then its own."""

DEPTH_LIMIT = 16
"""A label stands in so many tables at most; a pointer's reader refuses far more."""

_NUMBER = expression(r"-?(?:0|[1-9][0-9]*)")
_QUOTED = expression(r'"((?:[^"\\]|\\.)*)"')
_WRITE_IT = "write key=value, such as ticket=AB-123; a dot leads into a table: infos.method=new"


def label_of(text: str) -> tuple[Key, object]:
    """A label as typed, `key=value`: true, false and numbers are what they look like, all else is text.

    A value in double quotes is text whatever it looks like; a dot in a key leads into a table, unless that part of
    the key is in double quotes.

    Raises:
        UsageError: there is no `=`, no key before it, or it is not text that a pointer can hold.
    """
    _check(text)
    at = _equals(text)
    if at < 0 or not text[:at].strip():
        raise UsageError(f"not a label: {display(text)}", hint=_WRITE_IT)
    return key_of(text[:at]), _value(text[at + 1 :])


def labels_from(given: object) -> tuple[tuple[Key, object], ...]:
    """Labels that a program gives as a mapping, by their whole keys: of a mapping in a mapping, both. None has none.

    Raises:
        UsageError: it is no mapping, or a label in it is one that no pointer can hold.
    """
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise UsageError(f"labels are a {type(given).__name__} and no mapping", hint='{"ticket": "AB-123"}')
    found = tuple(_flat(given, ()))
    for key, value in found:
        check_label(key, value)
    return found


def _flat(labels: Mapping[Any, object], above: tuple[Any, ...]) -> Iterator[tuple[Key, object]]:
    if len(above) > DEPTH_LIMIT:
        raise UsageError(f"a label stands in more than {DEPTH_LIMIT} mappings", hint="take fewer of them")
    for key, value in labels.items():
        if isinstance(value, Mapping):
            yield from _flat(value, (*above, key))
        else:
            yield (*above, key), value


def check_label(key: Key, value: object) -> None:
    """Refuse a label that a program gives, and nobody typed, where no pointer can hold it.

    Raises:
        UsageError: its key is no text, or its value nothing that TOML can say.
    """
    if not all(isinstance(part, str) and part for part in key):
        raise UsageError(f"not the key of a label: {key[-1]!r}", hint="a key is text, such as ticket")
    if value != value:  # a version would differ from itself
        raise UsageError(
            f"the label {display(str(key[-1]))} cannot be kept: it is NaN", hint="leave it out, or take text"
        )
    try:
        toml.table("labels", dict.fromkeys(key, value))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the label {display(str(key[-1]))} cannot be kept: {error}",
            hint="text, numbers, true or false, dates, and lists of them can be kept",
        ) from None


def key_of(text: str) -> Key:
    """The key of a label as typed: parts with dots between them.

    Raises:
        UsageError: a part is empty, holds a control character, or there are too many.
    """
    _check(text)
    parts, rest = [], text.strip()
    while True:
        found = _QUOTED.match(rest)
        if found is not None:
            part, rest = re.sub(r"\\(.)", r"\1", found[1]), rest[found.end() :]
        else:
            end = rest.find(".")
            part, rest = (rest, "") if end < 0 else (rest[:end], rest[end:])
        parts.append(part)
        if not rest:
            break
        if not rest.startswith("."):
            raise UsageError(f"not the key of a label: {display(text)}", hint=_WRITE_IT)
        rest = rest[1:]
    if len(parts) > DEPTH_LIMIT or not all(parts) or any(part != part.strip() for part in parts):
        why = f"more than {DEPTH_LIMIT} parts" if len(parts) > DEPTH_LIMIT else "a part that is empty or blank"
        raise UsageError(f"not the key of a label: {display(text)} has {why}", hint=_WRITE_IT)
    _check_visible(text, "the key of a label")
    return tuple(parts)


def tag_of(text: str) -> str:
    """A tag as typed.

    Raises:
        UsageError: it is empty, holds a control character, or is not UTF-8.
    """
    _check(text)
    _check_visible(text, "a tag")
    if not text.strip() or text != text.strip():
        raise UsageError(f"not a tag: '{display(text)}'", hint="a tag is a word, such as reviewed")
    return text


def key_text(key: Key) -> str:
    """The key as it is typed."""
    return ".".join(part if part and not set(part) & set('."=\\') else _quoted(part) for part in key)


def with_labels(labels: Mapping[str, Any], given: Iterable[tuple[Key, object]]) -> dict[str, Any]:
    """These labels with others set among them; what is given last wins.

    Raises:
        UsageError: a label would have to be a table and a value at once.
    """
    result = _copied(labels)
    for key, value in given:
        table = result
        for depth, part in enumerate(key[:-1], 1):
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                raise UsageError(
                    f"the label {display(key_text(key[:depth]))} is a value; nothing can be set inside it",
                    hint=f"take it away first: --remove {display(key_text(key[:depth]))}",
                )
            table = inner
        if isinstance(table.get(key[-1]), dict):
            raise UsageError(
                f"the label {display(key_text(key))} is a table of labels; a value would replace them all",
                hint=f"take them away first: --remove {display(key_text(key))}",
            )
        table[key[-1]] = value
    return result


def without_labels(labels: Mapping[str, Any], keys: Iterable[Key]) -> dict[str, Any]:
    """These labels without some; tables that become empty go too, and a key that is not there is fine."""
    result = _copied(labels)
    for key in keys:
        way: list[dict[str, Any]] = [result]
        for part in key[:-1]:
            inner = way[-1].get(part)
            if not isinstance(inner, dict):
                break
            way.append(inner)
        else:
            way[-1].pop(key[-1], None)
            for depth in range(len(way) - 1, 0, -1):
                if not way[depth]:
                    del way[depth - 1][key[depth - 1]]
    return result


def flat(labels: Mapping[str, Any], before: Key = ()) -> list[tuple[Key, object]]:
    """Every label with its whole key, sorted by it; an empty table is one."""
    found: list[tuple[Key, object]] = []
    for name in sorted(labels):
        inner = labels[name]
        if isinstance(inner, Mapping) and inner:
            found += flat(inner, (*before, name))
        else:
            found.append(((*before, name), inner))
    return found


def _copied(labels: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copied(inner) if isinstance(inner, Mapping) else inner for name, inner in labels.items()}


def _equals(text: str) -> int:
    """Where the key ends; a `=` in a quoted part of it does not count."""
    at = 0
    while at < len(text):
        found = _QUOTED.match(text, at) if at == 0 or text[at - 1] == "." else None
        if found is not None:
            at = found.end()
        elif text[at] == "=":
            return at
        else:
            at += 1
    return -1


def _value(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    if (quoted := _QUOTED.fullmatch(text)) is not None:
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if _NUMBER.fullmatch(text) and text != "-0":
        number = int(text) if len(text) <= 20 else 1 << 64
        return number if -(2**63) <= number < 2**63 else text
    try:
        return float(text) if str(float(text)) == text and text not in ("nan", "inf", "-inf") else text
    except ValueError:
        return text


def _quoted(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _check(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(f"not UTF-8: {display(text)}", hint="labels and tags are text") from None


def _check_visible(text: str, what: str) -> None:
    if not text.isprintable():
        raise UsageError(f"not {what}: {display(text)} has characters in it that cannot be seen")
