"""Layers of configuration, and where each value comes from.

A flag beats a `TRACK_*` variable, that beats this clone's file, that the committed file, that the user's, that the
default. What is committed may come from a stranger: there, keys that name a place on this machine, and values that
look like secrets, are ignored with a warning.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import tomli

from track.errors import BadConfig, NewerFormat, UsageError
from track.model import toml
from track.model.expressions import expression
from track.model.names import display, typed
from track.model.policy import WANTED, parse_policy
from track.model.settings import KEYS, Key, Value

FORMAT = 1
"""The format of a repository that this version reads and writes."""

Layer: TypeAlias = Literal["flag", "environment", "clone", "project", "user", "default"]
_MAX_FILE = 1 << 20
_MAX_DEPTH = 8
_LEAST_SIZE = 1 << 20
_LEAST_RATE = 1000
_MAX_WARNINGS = 100
_DELETING = ("store.max_size", "store.min_copies")
_CHOICES = {
    "age": "who you are",
    "alerts": "which server or account you use",
    "remote": "which server or account you use",
    "transfer": "how much of your line is used",
    "user": "who you are",
}
"""What settings that are not committed choose, by how their names begin; the others, what is deleted."""
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_CREDENTIALS = expression(
    r"://[^/@\s]*:[^/@\s]+@|[?&](?:[^=&]*(?:sig|signature|token|secret|password|key))=", re.IGNORECASE
)
_SECRET_NAME = expression(
    r"(?:^|[._-])(?:secret|password|passwd|token|credentials?|(?:access|api|secret|account)[_-]?key)", re.IGNORECASE
)
_COMMAND_NAME = expression(r"(?:^|[._-])(?:command|cmd|exec|shell|script|program|editor|pager)$", re.IGNORECASE)


class Setting(NamedTuple):
    """One value of one key, from one layer; `source` is the file or the variable it stands in."""

    key: str
    value: Value
    layer: Layer
    source: str


class Config(NamedTuple):
    """All layers at once. `settings` has the values of each key, the strongest first; `warnings` are for the user."""

    settings: Mapping[str, tuple[Setting, ...]]
    warnings: tuple[str, ...] = ()

    def setting(self, key: str) -> Setting:
        """Return the value of `key` that holds, with its origin; the default when nobody set it.

        Raises:
            BadConfig: there is no such key.
        """
        if found := self.settings.get(key):
            return found[0]
        return Setting(key, find_key(key).default, "default", "")

    def without(self, setting: Setting, warning: str) -> "Config":
        """Return the same without one value, and with a warning why."""
        kept = tuple(each for each in self.settings.get(setting.key, ()) if each is not setting)
        settings = {key: values for key, values in self.settings.items() if key != setting.key}
        if kept:
            settings[setting.key] = kept
        return Config(settings, (*self.warnings, warning))

    def text(self, key: str) -> str | None:
        """Return the value of a text, choice or place, or none."""
        value = self.setting(key).value
        return None if value is None else str(value)

    def is_on(self, key: str) -> bool:
        """Return the value of a boolean."""
        return self.setting(key).value is True

    def seconds(self, key: str) -> int:
        """Return the value of a time in seconds."""
        return int(self.setting(key).value or 0)

    def number(self, key: str) -> int:
        """Return the value of a number."""
        return int(self.setting(key).value or 0)

    def size(self, key: str) -> int:
        """Return the value of a size in bytes, or of a rate in bytes a second."""
        return int(self.setting(key).value or 0)

    def names(self, pattern: str) -> tuple[str, ...]:
        """Return what stands for `*` in keys that are set, sorted: `names("remote.*.url")` are the remotes."""
        before, _, after = pattern.partition("*")
        key = find_key(pattern)
        return tuple(sorted(name[len(before) : len(name) - len(after)] for name in self.settings if key.matches(name)))


class Source(NamedTuple):
    """A configuration file and the layer it is; where nothing is at its path, `otherwise` is what it says."""

    layer: Layer
    path: Path
    otherwise: bytes | None = None


def user_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return the file of the user's own settings, which need not exist."""
    env = os.environ if environ is None else environ
    base = env.get("XDG_CONFIG_HOME", "")
    return Path(base if os.path.isabs(base) else os.path.join(_home(env), ".config")) / "track" / "config.toml"


def load(sources: tuple[Source, ...], environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> Config:
    """Read every layer.

    Raises:
        BadConfig: a file that cannot be read, or a value that is not what its key takes.
        NewerFormat: the committed file is of a later format.
    """
    warnings: list[str] = []
    found: dict[str, list[Setting]] = {}
    for setting in _all(sources, environ, flags or {}, warnings):
        found.setdefault(setting.key, []).append(setting)
    return Config({key: tuple(found[key]) for key in sorted(found)}, tuple(warnings))


def find_key(name: str) -> Key:
    """Return the setting called `name`.

    Raises:
        BadConfig: there is none; the hint names the nearest.
    """
    for key in KEYS:
        if key.matches(name):
            return key
    near = nearest(name)
    raise BadConfig(
        f"there is no setting called `{display(name)}`",
        hint=f"did you mean {near} ?" if near else "track config --list",
    )


def nearest(name: str) -> str | None:
    """Return the setting whose name is most like `name`, if one is."""
    ranked = sorted((_distance(name, key.name), key.name) for key in KEYS)
    return ranked[0][1] if ranked and ranked[0][0] <= max(2, len(name) // 3) else None


def parse_value(key: Key, given: object, where: str) -> Value:
    """Return `given` as a value of `key`; text is read as a person writes it on the command line.

    Raises:
        BadConfig: it is not one; `where` is named in the message.
    """
    text = given.strip() if isinstance(given, str) else None
    if key.kind == "boolean":
        if isinstance(given, bool):
            return given
        if text is not None and text.lower() in _TRUE + _FALSE:
            return text.lower() in _TRUE
        raise _wrong(key, given, where, "true or false")
    if key.kind == "seconds":
        number = int(text) if text is not None and text.isdecimal() else given
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 86_400:
            return number
        raise _wrong(key, given, where, "a number of seconds, at most 86400")
    if key.kind == "number":
        number = int(text) if text is not None and text.isdecimal() else given
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 1_000_000:
            return number
        raise _wrong(key, given, where, "a number, at most 1000000")
    if key.kind == "size":
        size_bytes = given if isinstance(given, int) and not isinstance(given, bool) else _bytes_in(text or "")
        if size_bytes is not None and (size_bytes == 0 or size_bytes >= _LEAST_SIZE):
            return size_bytes
        raise _wrong(key, given, where, "a size such as 50 MiB, at least 1 MiB, or 0")
    if key.kind == "policy":
        try:
            return str(parse_policy(text or ""))
        except UsageError:
            raise _wrong(key, given, where, WANTED) from None
    if key.kind == "rate":
        rate = given if isinstance(given, int) and not isinstance(given, bool) else _bytes_in(text or "")
        if rate is not None and (rate == 0 or rate >= _LEAST_RATE):
            return rate
        raise _wrong(key, given, where, "bytes a second such as 10M or 512 KiB, at least 1k, or 0")
    if not text or any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise _wrong(key, given, where, "a text of one line")
    if key.kind == "choice" and text not in key.choices:
        raise _wrong(key, given, where, "one of " + ", ".join(key.choices))
    if key.kind == "place" and not os.path.isabs(os.path.expanduser(text)):
        raise _wrong(key, given, where, "an absolute path, or one that begins with ~")
    return text


def read_file(path: Path, *, follow: bool = True, otherwise: bytes | None = None) -> dict[str, object]:
    """Return the tables of a configuration file, or of `otherwise` when there is none. `follow` is whether it may be a
    link.

    Raises:
        BadConfig: it cannot be read, is too large, or is not TOML.
    """
    content = _content(path, follow)
    if content is None:
        content = otherwise or b""
    where, hint = display(str(path)), "correct it, or remove it"
    if path.parts[-2:] == (".track", "config.toml"):
        hint = f"correct it, or take back what was changed since the last commit:\ngit restore -- {typed(str(path))}"
    try:
        return toml.read(content.decode("utf-8"))
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        line, why = _place_of(error, content)
        raise BadConfig(f"{where}, line {line}: it is not TOML: {why}", hint=hint) from error
    except (RecursionError, ValueError) as error:
        raise BadConfig(f"{where} is nested too deep, or holds an impossible number or key", hint=hint) from error


def _place_of(error: tomli.TOMLDecodeError | UnicodeDecodeError, content: bytes) -> tuple[int, str]:
    """(the line, what is wrong with it), where the library says so; else the last line."""
    if isinstance(error, UnicodeDecodeError):
        return content.count(b"\n", 0, error.start) + 1, "it is not UTF-8"
    why, _, where = str(error).rpartition(" (at ")
    found = re.match(r"line (\d+)", where)
    return int(found[1]) if found else max(1, len(content.splitlines())), display(why or str(error))


def secret_in(name: str, value: object) -> bool:
    """Return whether a setting looks like a secret: by its name, or a URL that carries a password or a token."""
    return bool(_SECRET_NAME.search(name)) or (isinstance(value, str) and bool(_CREDENTIALS.search(value)))


def _all(
    sources: tuple[Source, ...], environ: Mapping[str, str], flags: Mapping[str, str], warnings: list[str]
) -> Iterator[Setting]:
    for name, text in flags.items():
        yield Setting(name, parse_value(find_key(name), text, "the command line"), "flag", "")
    yield from _from_environment(environ)
    for layer, path, otherwise in sources:
        tables = read_file(path, follow=layer != "project", otherwise=otherwise)
        if layer == "project":
            check_format(tables.get("format", FORMAT), display(str(path)))
        told: list[str] = []
        for name, given in _flatten(tables):
            setting = _from_file(name, given, layer, path, told) if name != "format" else None
            if setting is not None:
                yield setting
            if len(told) > _MAX_WARNINGS:
                raise BadConfig(f"{display(str(path))} is no configuration of track", hint=told[0])
        warnings += told


def check_format(number: object, where: str) -> None:
    """Check the format that a repository says it has.

    Raises:
        NewerFormat: it is later than this version's.
        BadConfig: it is no format.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise BadConfig(f"`format` in {where} must be a number such as {FORMAT}")
    if number > FORMAT:
        raise NewerFormat(
            f"this repository is in format {number}, written by a colleague with a later track; "
            f"this one reads format {FORMAT}",
            hint="pip install --upgrade track-data",
        )


def _from_file(name: str, given: object, layer: Layer, path: Path, warnings: list[str]) -> Setting | None:
    """Return the setting that a line of a file makes; none, and a warning, when it is ignored."""
    where = display(str(path))
    shown = display(name)
    if layer == "project" and secret_in(name, given):
        warnings.append(f"`{shown}` in {where} looks like a secret and is ignored: secrets are never committed")
        return None
    key = next((key for key in KEYS if key.matches(name)), None)
    if key is None:
        near = nearest(name)
        if layer == "project" and _COMMAND_NAME.search(name):
            warnings.append(f"`{shown}` in {where} is ignored: committed configuration names no command")
        else:
            hint = f"; did you mean {near} ?" if near else ""
            warnings.append(f"`{shown}` in {where} is not a setting of this track{hint}")
        return None
    if layer == "project" and not key.committed:
        what = "places on your machine"
        if not name.startswith("store."):
            what = _CHOICES.get(name.partition(".")[0], "what is deleted here")
        elif name in _DELETING:
            what = "what is deleted here"
        warnings.append(
            f"`{shown}` in {where} is ignored: committed configuration does not choose {what}; "
            f"for this clone: track config --clone {shown} VALUE"
        )
        return None
    return Setting(name, parse_value(key, given, where), layer, str(path))


def _from_environment(environ: Mapping[str, str]) -> Iterator[Setting]:
    for key in KEYS:
        variable = "TRACK_" + key.name.upper().replace(".", "_").replace("-", "_")
        if "*" not in variable:
            if environ.get(variable):
                yield Setting(key.name, parse_value(key, environ[variable], variable), "environment", variable)
            continue
        before, _, after = variable.partition("*")
        for name, text in environ.items():
            chosen = name[len(before) : len(name) - len(after)].lower()
            if name.startswith(before) and name.endswith(after) and chosen and text:
                value = parse_value(key, text, name)
                yield Setting(key.name.replace("*", chosen), value, "environment", name)


def _flatten(table: Mapping[str, object], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict) and depth < _MAX_DEPTH:
            yield from _flatten(value, f"{prefix}{name}.", depth + 1)
        else:
            yield prefix + name, value


def _content(path: Path, follow: bool) -> bytes | None:
    where = display(str(path))
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BadConfig(f"{where} cannot be read: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise BadConfig(f"{where} is not a file")
        content = b""
        while len(content) <= _MAX_FILE and (piece := os.read(fd, _MAX_FILE)):
            content += piece
    except OSError as error:
        raise BadConfig(f"{where} cannot be read: {error.strerror}") from error
    finally:
        os.close(fd)
    if len(content) > _MAX_FILE:
        raise BadConfig(f"{where} is larger than 1 MiB")
    return content


def _wrong(key: Key, given: object, where: str, wanted: str) -> BadConfig:
    shown = display(given if isinstance(given, str) else repr(given))
    return BadConfig(f"`{key.name}` in {where} must be {wanted}, not `{shown}`")


def _bytes_in(text: str) -> int | None:
    """Return the bytes that a text such as `50 MiB` or `2GB` stands for, or none."""
    found = re.fullmatch(r"(\d{1,15})\s*(?:([kmgt])(i?)b?|b|)", text, re.IGNORECASE)
    if found is None:
        return None
    power = " kmgt".index((found[2] or " ").lower())
    unit: int = 1024 if found[3] else 1000
    return int(found[1]) * int(unit**power)


def _home(environ: Mapping[str, str]) -> str:
    return environ.get("HOME") or os.path.expanduser("~")


def _distance(first: str, second: str) -> int:
    """Return how many letters one must change, add or leave out to get from one text to the other."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first[:80], 1):
        before, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
