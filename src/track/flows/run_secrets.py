"""The secrets of a project: values that are never written, and where one of them was all the same."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from track.model.expressions import expression
from track.model.names import display, is_pointer_path, is_record_path, typed
from track.model.secrets import is_secret_name, names_in_dotenv, secret_values, values_in_dotenv
from track.project import Project

DOTENV = ".env"

_OF_OURS = expression(
    rb"(?m)^(?:id|run|parent|digest|size|path|name|type|kind|how|cwd|commit|tree|code|patch|packages|lock|started|ended"
    rb"|seconds|status|omitted|files|rows) = .*$|\"blake3:[0-9a-f]{64}\""
)
"""What we write ourselves in pointers and records: names of files and of things, digests and times."""


def secrets_of(project: Project) -> tuple[str, ...]:
    """The values that are never written: of variables that look secret, or that `.env` at the top names."""
    content = _dotenv(project)
    return secret_values(os.environ, names_in_dotenv(content), values_in_dotenv(content))


def hidden_by_now(hidden: Iterable[str]) -> tuple[str, ...]:
    """These values, and those of the variables that look secret now: a program may set some after it began."""
    return secret_values({name: os.environ.get(name, "") for name in list(os.environ)}, also=hidden)


def told_secrets(
    project: Project, contents: Mapping[bytes, bytes], before: Callable[[bytes], bytes]
) -> Iterator[tuple[bytes, str]]:
    """(path, which secret) for each of these pointers and records in which one stands that was not there `before`.

    Paths, digests and times are not looked at: a value of `.env` may well be the name of a folder.
    """
    values = secrets_of(project)
    if not values:
        return
    for path, content in contents.items():
        if not (is_pointer_path(path) or is_record_path(path)):
            continue
        said = _OF_OURS.sub(b"", content)
        held = [value for value in values if _stands_in(value, said)]
        old = _OF_OURS.sub(b"", before(path)) if held else b""
        new = next((value for value in held if not _stands_in(value, old)), None)
        if new is not None:
            yield path, _whose(new, os.environ)


def what_to_do(path: bytes) -> str:
    """What to do about a secret in a staged pointer or record."""
    if is_record_path(path):
        return f"take it out: git rm --cached {typed(path)}, and run again without it"
    return f"take it out of {display(path)}, then: git add {typed(path)}"


def _stands_in(value: str, content: bytes) -> bool:
    """Whether a value is in the bytes of a TOML file, as it is or as TOML writes it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return any(each.encode("utf-8", "surrogateescape") in content for each in (value, escaped))


def _whose(value: str, variables: Mapping[str, str]) -> str:
    named = [name for name, found in variables.items() if found == value]
    named.sort(key=lambda name: (not is_secret_name(name), name))
    return f"the value of {display(named[0])}" if named else f"a value of {DOTENV}"


def _dotenv(project: Project) -> str:
    try:
        return (project.root / DOTENV).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
