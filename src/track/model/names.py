"""Names: where a pointer lies, which paths may exist, and how a path is written as text."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import NamedTuple

from track.errors import MalformedPointer, UsageError
from track.model.expressions import expression

SUFFIX = b".track"
ARTIFACTS = b".track/artifacts/"
RUNS = b".track/runs/"
PART_LIMIT = 200
WHOLE_LIMIT = 900
"""So many bytes the path of a named artifact's pointer has at most: macOS takes 1,024, the way to the top with it."""

_OURS = (".store", ".track")
# What a path between two line feeds must contain to be worth a closer look: everything that `_trouble` refuses is in
# here. A search over many joined paths is what makes the common case cost nothing.
_SUSPICIOUS = expression(
    rb"[/\\\n](?:[/\n.]|[gG][iI\x80-\xff]|\xe2[\x80\x81]|\xc2\xad|\xcc\x87|\xef)",
)
_SHORT_GIT = expression(r"git~[0-9]+")
_IGNORED = expression("[\u00ad\u0307\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789._-")
_ENCODED = expression(rb"(?:[a-z0-9._-]|%[0-9A-F]{2})*")
_DEVICE = expression(rb"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)")  # on Windows, whatever stands behind a dot
_ALIAS = expression(rb"(.+)/@([^/]+)\.track", re.DOTALL)
_ESCAPE = expression(r"\\(?:\\|x([0-9a-f]{2}))|\\")
_UNQUOTED = expression(r"[\w@%+=:,./-]+")
_RECORD = expression(re.escape(RUNS) + rb"[0-9]{4}/[0-9]{2}/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}\.toml")
_SHOWN = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Named(NamedTuple):
    """A named artifact: its name, and its partitions as (key, value) in their order."""

    name: str
    partitions: tuple[tuple[str, str], ...]


def pointer_path(path: bytes) -> bytes:
    """Where the pointer of the data at `path` lies: beside it, with `.track` after its name."""
    return path + SUFFIX


def is_pointer_path(path: bytes) -> bool:
    """Whether `path` has the name of a pointer."""
    return path.endswith(SUFFIX) and path != SUFFIX and not path.endswith(b"/" + SUFFIX)


def is_named_pointer(path: bytes) -> bool:
    """Whether `path` is where the pointer of a named artifact lies, which has no working copy."""
    return path.startswith(ARTIFACTS)


def is_record_path(path: bytes) -> bool:
    """Whether `path` is where the record of a run lies."""
    return _RECORD.fullmatch(path) is not None


def data_path(pointer: bytes) -> bytes:
    """Where the data of a pointer lies: its own name without `.track`. ValueError if it is no pointer's name."""
    if not is_pointer_path(pointer):
        raise ValueError(f"not the name of a pointer: {display(pointer)}")
    return pointer[: -len(SUFFIX)]


def artifact_pointer(name: str, partitions: Mapping[str, str] | None = None) -> bytes:
    """Where the pointer of a named artifact lies; partitions in the order given (declared order, else sort them first).

    Raises:
        UsageError: the name or a partition cannot be written as a path.
    """
    if "=" in name:
        raise UsageError(f"'=' is not allowed in a name: {display(name)}", hint="give partitions apart from the name")
    parts = [_encode(part, name) for part in name.split("/")]
    for key, value in (partitions or {}).items():
        if not key or "=" in key:
            raise UsageError(f"not a partition key: {display(key)!r}", hint="use a key like 'region'")
        parts.append(_quote(key) + b"=" + _quote(value))
    for part in parts:
        if len(part) > PART_LIMIT:
            raise UsageError(
                f"a part of the name {display(name)} needs {len(part)} bytes on disk, more than {PART_LIMIT}",
                hint="use a shorter name or value; capitals and letters outside a-z take three bytes or more",
            )
    path = ARTIFACTS + b"/".join(parts) + SUFFIX
    if len(path) > WHOLE_LIMIT:
        raise UsageError(
            f"{display(name)} and its partitions need {len(path)} bytes on disk, more than {WHOLE_LIMIT}",
            hint="use shorter names, keys or values",
        )
    return path


def parse_artifact_pointer(path: bytes) -> Named:
    """The name and partitions of the named artifact whose pointer lies at `path`.

    Raises:
        MalformedPointer: the path is not what `artifact_pointer` makes.
    """
    if not (is_named_pointer(path) and is_pointer_path(path)):
        raise MalformedPointer(f"not the path of a named artifact: {display(path)}")
    parts = path[len(ARTIFACTS) : -len(SUFFIX)].split(b"/")
    names = [part for part in parts if b"=" not in part]
    try:
        name = "/".join(_unquote(part) for part in names)
        pairs = [part.split(b"=", 1) for part in parts[len(names) :]]
        partitions = tuple((_unquote(pair[0]), _unquote(pair[1])) for pair in pairs)
        if len(dict(partitions)) == len(partitions) and artifact_pointer(name, dict(partitions)) == path:
            return Named(name, partitions)
    except (ValueError, IndexError, UsageError):
        pass
    raise MalformedPointer(
        f"not how a named artifact is written: {display(path)}",
        hint="names hold a-z, 0-9, '.', '_', '-'; every other byte is written %XX",
    )


def parse_artifact_name(path: bytes) -> str:
    """The name of the named artifact of which a version, or an alias, lies at `path`. Raises MalformedPointer."""
    alias = parse_alias_pointer(path)
    return alias[0] if alias is not None else parse_artifact_pointer(path).name


def beside_versions(name: str, file: bytes, partitions: Mapping[str, str] | None = None) -> bytes:
    """Where a file about a named artifact, or a partition of it, lies: in its folder, behind a `@`, which no name has.

    Raises UsageError as `artifact_pointer` does.
    """
    return artifact_pointer(name, partitions)[: -len(SUFFIX)] + b"/@" + file


def alias_pointer(name: str, alias: str) -> bytes:
    """Where an alias of a named artifact lies: it is a pointer, that of the version which it names.

    Raises:
        UsageError: the name or the alias cannot be written as a path.
    """
    if not alias or "/" in alias or "=" in alias:
        raise UsageError(f"not an alias: {display(alias)!r}", hint="an alias is a word, such as prod")
    return beside_versions(name, artifact_pointer(alias)[len(ARTIFACTS) :])


def parse_alias_pointer(path: bytes) -> tuple[str, str] | None:
    """(name, alias) of the alias that lies at `path`; None when it is none."""
    found = _ALIAS.fullmatch(path[len(ARTIFACTS) :]) if is_named_pointer(path) else None
    if found is None:
        return None
    try:
        name, alias = "/".join(map(_unquote, found[1].split(b"/"))), _unquote(found[2])
        return (name, alias) if alias_pointer(name, alias) == path else None
    except (ValueError, UsageError):
        return None


def name_of(artifact: bytes) -> str | None:
    """The name of a named artifact with its partitions, or behind it an alias; None for what has a working copy."""
    if not is_named_pointer(artifact):
        return None
    if (alias := parse_alias_pointer(artifact)) is not None:
        return "@".join(alias)
    try:
        named = parse_artifact_pointer(artifact)
    except MalformedPointer:
        return display(artifact)
    return named.name + "".join(f" {key}={value}" for key, value in named.partitions)


def pointer_called(name: str) -> bytes | None:
    """Where the pointer lies of the named artifact that `name_of` calls so; None where it calls none so.

    A name without partitions is none: a person may mean a path by it, or the latest of its partitions.
    """
    first, *rest = name.split(" ")
    pairs = [pair.partition("=") for pair in rest]
    try:
        path = artifact_pointer(first, {key: value for key, _, value in pairs})
    except UsageError:
        return None
    return path if pairs and name_of(path) == name else None


def called(path: bytes) -> str:
    """What a person calls an artifact: by its name, with its partitions, or where it has none by the path of its data.

    Bytes that are no text stay in it as surrogates, as `display` takes them.
    """
    return name_of(path) or path.decode("utf-8", "surrogateescape")


def check_entry_path(path: bytes) -> str | None:
    """Why `path` may not stand inside an artifact; None if it may.

    Refused: empty, absolute, trailing or doubled slashes, `.` and `..`, NUL, and every component that some
    filesystem would take for `.git`.
    """
    return _trouble(path) if are_suspicious((path,)) else None


def are_suspicious(paths: Iterable[bytes]) -> bool:
    """Whether `check_entry_path` has to be asked about each of these paths; if not, all are fine."""
    text = b"\n%b\n" % b"\n".join(paths)
    return _SUSPICIOUS.search(text) is not None or b"\0" in text


def check_worktree_path(path: bytes) -> str | None:
    """Why `path` may not be written in a working tree; None if it may.

    As `check_entry_path`; and the top folders that hold Git's and track's own state are refused.
    """
    why = check_entry_path(path)
    if why is not None:
        return why
    first = _folded(path.replace(b"\\", b"/").partition(b"/")[0])
    return f"is in {first}, which is track's own" if first in _OURS else None


def display(text: bytes | str) -> str:
    """`text` as it can be shown: control, bidirectional and invisible characters and stray bytes are escaped."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() else _shown(char) for char in text)


def check_user(name: object) -> str:
    """The name of a user as a person may give it.

    Raises:
        UsageError: it is no name: empty, or with characters that cannot be seen, or with `<` or `>`.
    """
    if not isinstance(name, str) or not name.strip() or name != name.strip():
        raise UsageError(f"not a user: {told(name)}", hint="a name, such as andy")
    if not name.isprintable() or set(name) & set("<>"):
        raise UsageError(f"not a user: {display(name)}", hint="a name alone, without an address")
    return name


def told(value: object, limit: int = 80) -> str:
    """A value that a program handed over as it can be shown: as Python writes it, or its kind where that fails."""
    try:
        said = repr(value)
    except Exception:  # the caller's own, and may raise anything; its kind says enough
        return f"a {display(type(value).__name__)}"
    return display(said[:limit])


standing: ContextVar[bytes] = ContextVar("standing", default=b"")
"""The folder, from the top of the working tree, in which commands to type are typed; set by a face that knows it."""


def typed(text: bytes | str) -> str:
    """An argument to type into a shell: quoted where it must be, and never taken for an option.

    Bytes are a path from the top of the working tree, and are written as seen from the folder `standing`; text is
    written as it is.
    """
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else _from(standing.get(), text)
    if data.startswith(b"-"):
        data = b"./" + data
    shown = data.decode("utf-8", "surrogateescape")
    if _UNQUOTED.fullmatch(shown):
        return shown
    if shown.isprintable():
        return "'" + shown.replace("'", "'\\''") + "'"
    return "$'" + "".join(map(_typed_byte, data)) + "'"


def _from(folder: bytes, path: bytes) -> bytes:
    return posixpath.relpath(b"/" + path, b"/" + folder) if folder else path


def _typed_byte(byte: int) -> str:
    char = chr(byte)
    if char in "'\\":
        return "\\" + char
    return char if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"


def text_of(path: bytes) -> str:
    r"""`path` as text without loss: UTF-8 as it is, other bytes as `\xHH`, a backslash doubled."""
    return path.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def path_of(text: str) -> bytes:
    """The path that `text_of` wrote; ValueError for anything it does not write."""
    if "\\" not in text:
        return text.encode("utf-8")
    return b"".join(_unescaped(text))


def _unescaped(text: str) -> Iterator[bytes]:
    place = 0
    for found in _ESCAPE.finditer(text):
        yield text[place : found.start()].encode("utf-8")
        if found[0] == "\\":
            raise ValueError("a backslash is written twice, a byte as \\xHH")
        yield b"\\" if found[1] is None else bytes.fromhex(found[1])
        place = found.end()
    yield text[place:].encode("utf-8")


def _trouble(path: bytes) -> str | None:
    if not path:
        return "is empty"
    if b"\0" in path:
        return "contains a NUL byte"
    if path.startswith(b"/"):
        return "is absolute"
    if path.endswith(b"/"):
        return "ends with a slash"
    for component in path.split(b"/"):
        if component == b"":
            return "has an empty component"
        if component in (b".", b".."):
            return f"has the component {component.decode()}"
        if any(_is_git(piece) for piece in component.split(b"\\")):
            return "reaches .git"
    return None


def _is_git(component: bytes) -> bool:
    folded = _folded(component)
    return folded == ".git" or _SHORT_GIT.fullmatch(folded) is not None


def _folded(component: bytes) -> str:
    """A component as the most forgiving filesystem compares it: HFS+ ignorables, NTFS streams and trailing dots."""
    text = component.decode("utf-8", "surrogateescape")
    if not text.isascii():
        text = _IGNORED.sub("", text.casefold()).replace("\u0131", "i")
    return text.partition(":")[0].rstrip(" .").lower()


def _encode(part: str, name: str) -> bytes:
    encoded = _quote(part)
    if check_entry_path(encoded) is not None or part in (".", "..") or encoded.endswith(SUFFIX):
        raise UsageError(
            f"not a name for an artifact: {display(name)!r}",
            hint="a name has parts between slashes; none is empty, '.', '..', '.git' or ends with '.track'",
        )
    return encoded


def _quote(text: str) -> bytes:
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(f"not UTF-8: {display(text)}", hint="names and partition values are text") from None
    quoted = b"".join(bytes((byte,)) if byte in _PLAIN else b"%%%02X" % byte for byte in raw)
    if quoted.endswith(b"."):  # which Windows drops
        quoted = quoted[:-1] + b"%2E"
    return b"%%%02X" % quoted[0] + quoted[1:] if _DEVICE.match(quoted) else quoted


def _unquote(part: bytes) -> str:
    if _ENCODED.fullmatch(part) is None:
        raise ValueError("not percent-encoded")
    first, *rest = part.split(b"%")
    return (first + b"".join(bytes.fromhex(piece[:2].decode()) + piece[2:] for piece in rest)).decode("utf-8")


def _shown(char: str) -> str:
    code = ord(char)
    if char in _SHOWN:
        return _SHOWN[char]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def shown_name(path: bytes) -> str:
    """What a person calls what this file stands for: the data's path, or the name of a named artifact."""
    if is_record_path(path):
        return text_of(path)
    if is_named_pointer(path):
        if (alias := parse_alias_pointer(path)) is not None:
            return "@".join(alias)
        try:
            return parse_artifact_pointer(path).name
        except MalformedPointer:
            return text_of(path)
    return text_of(data_path(path))
