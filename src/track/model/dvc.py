"""What DVC's files say: its pointers, its lock file, its lists of a directory, and the MD5 by which it knows bytes.

Formats and the rule for text are those of DVC 0.x to 3.x (`dvc_data.hashfile`); nothing here reads or writes a file.
"""

import hashlib
import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from track.errors import MalformedContent
from track.model.expressions import expression
from track.model.names import check_entry_path, display

CHUNK = 1 << 20
"""DVC hashes a file in pieces of so many bytes, and looks at each whether it is text."""

DIRECTORY = ".dir"
KEPT_BY_GIT = "is not kept by DVC (cache: false): it is left to Git"
_BLOCK = 512
_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_MD5 = expression(r"[0-9a-f]{32}")
_SCHEME = expression(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Identity(NamedTuple):
    """How DVC names bytes: an MD5 in hex. Where it is `loose`, as in DVC 2 and before, CRLF counts as LF in text."""

    md5: str
    loose: bool


@dataclass(frozen=True, slots=True)
class Made:
    """What made an output: the stage's name, its command, and its dependencies by path, as far as bytes are named."""

    stage: str | None
    command: str | None
    deps: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Output:
    """One output that a file of DVC declares; `path` is as it stands there, relative to the file's folder.

    `identity` is None where none is said; `listed` are the files of a directory that are listed beside it in place of
    a list of its own. `why_not` says why it cannot become an artifact, whatever bytes there are; of what `is_gits`
    nobody expects it. `said` is what people wrote of it, `source` from where DVC brought it.
    """

    path: str
    identity: Identity | None
    is_directory: bool
    executable: bool = False
    listed: tuple["Member", ...] | None = None
    why_not: str | None = None
    is_gits: bool = False
    said: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    source: Mapping[str, Any] = field(default_factory=dict)
    made: Made | None = None


class Member(NamedTuple):
    """A file in a directory of DVC's."""

    path: bytes
    identity: Identity


class Hashing:
    """The MD5s of bytes that are given in pieces of CHUNK (the last one may be shorter)."""

    def __init__(self) -> None:
        self._hashes = [hashlib.md5(usedforsecurity=False) for _ in range(3)]
        self._is_text: bool | None = None

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        is_text = looks_like_text(piece[:_BLOCK])
        if self._is_text is None:
            self._is_text = is_text
        unix = piece.replace(b"\r\n", b"\n")
        plain, by_piece, by_first = self._hashes
        plain.update(piece)
        by_piece.update(unix if is_text else piece)  # DVC 2.41 and later
        by_first.update(unix if self._is_text else piece)  # before: the first piece says it for the whole file

    def is_of(self, identity: Identity) -> bool:
        """Whether these are the bytes that DVC means."""
        found = [each.hexdigest() for each in self._hashes]
        return identity.md5 in (found if identity.loose else found[:1])


def looks_like_text(block: bytes) -> bool:
    """Whether DVC takes a file that begins with these (at most 512) bytes for text."""
    return not block or (b"\0" not in block and len(block.translate(None, _TEXT)) / len(block) <= 0.30)


def is_of(data: bytes, identity: Identity) -> bool:
    """Whether these whole bytes are those that DVC means."""
    hashing = Hashing()
    for at in range(0, len(data), CHUNK):
        hashing.update(data[at : at + CHUNK])
    return hashing.is_of(identity)


def parse_listing(data: bytes, identity: Identity, name: str) -> tuple[Member, ...]:
    """The files of a directory, from the JSON that DVC keeps as its content, sorted by path.

    Raises:
        MalformedContent: it is not such a list, or a path in it cannot be in a directory.
    """
    try:
        rows = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _malformed(name, "it is not JSON") from None
    return listing_of(rows, identity.loose, name)


def listing_of(rows: object, loose: bool, name: str) -> tuple[Member, ...]:
    """The files of a directory, from a list of mappings with `relpath` and `md5`, sorted by path; raises as above."""
    if not isinstance(rows, list):
        raise _malformed(name, "it is not a list")
    found: dict[bytes, Member] = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("relpath"), str):
            raise _malformed(name, "an entry has no path")
        path = row["relpath"]
        try:
            raw = path.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise _malformed(name, f"{display(path)} is no text") from None
        if (why := check_entry_path(raw)) is not None:
            raise _malformed(name, f"{display(path)} {why}")
        if not _is_md5(row.get("md5")):
            raise _malformed(name, f"{display(path)} has no MD5")
        if raw in found:
            raise _malformed(name, f"{display(path)} is in it twice")
        found[raw] = Member(raw, Identity(row["md5"], loose))
    folders = {raw[:at] for raw in found for at, byte in enumerate(raw) if byte == 0x2F}
    if both := sorted(folders & found.keys()):
        raise _malformed(name, f"{display(both[0])} is a file and a folder")
    return tuple(found[raw] for raw in sorted(found))


def parse_pointer_file(document: object, name: str) -> tuple[Output, ...]:
    """The outputs of a `.dvc` file, from its YAML.

    Raises:
        MalformedContent: it is not what DVC writes.
    """
    table = _mapping(document, name, "it is not a table")
    deps = _mappings(table.get("deps"), name, "deps")
    source = _source_of(deps)
    if table.get("wdir") not in (None, "."):
        folder = _text(table["wdir"], name, "wdir")
    else:
        folder = ""
    made = None
    if table.get("cmd") is not None:
        made = Made(None, _text(table["cmd"], name, "cmd"), _named_bytes(deps, name))
    found = []
    for out in _mappings(table.get("outs"), name, "outs"):
        said = {key: out.get(key, table.get(key)) for key in ("desc", "type", "meta")}
        found.append(_output(out, folder, name, said=said, source=source, made=made))
    return tuple(found)


def parse_lock(document: object, name: str) -> tuple[Output, ...]:
    """The outputs that a `dvc.lock` names, of all its stages.

    Raises:
        MalformedContent: it is not what DVC writes.
    """
    table = _mapping(document, name, "it is not a table")
    stages = _mapping(table.get("stages", {} if "schema" in table else table), name, "stages is not a table")
    found = []
    for stage, facts in stages.items():
        locked = _mapping(facts, name, f"{stage} is not a table")
        command = locked.get("cmd")
        text = "\n".join(map(str, command)) if isinstance(command, list) else command
        deps = _named_bytes(_mappings(locked.get("deps"), name, "deps"), name)
        made = Made(str(stage), text if isinstance(text, str) else None, deps)
        for out in _mappings(locked.get("outs"), name, "outs"):
            found.append(_output(out, "", name, made=made))
    return tuple(found)


def kept_by_git(document: object) -> set[str]:
    """The paths that a `dvc.yaml` says DVC does not keep, as far as they stand there in full."""
    found: set[str] = set()
    stages = document.get("stages") if isinstance(document, dict) else None
    for stage in stages.values() if isinstance(stages, dict) else ():
        for kind in ("outs", "metrics", "plots"):
            declared = stage.get(kind) if isinstance(stage, dict) else None
            for one in declared if isinstance(declared, list) else ():
                rows = one.items() if isinstance(one, dict) else ()
                found.update(str(path) for path, how in rows if isinstance(how, dict) and how.get("cache") is False)
    return found


def _output(
    out: Mapping[str, Any],
    folder: str,
    name: str,
    *,
    said: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
    made: Made | None = None,
) -> Output:
    path = _text(out.get("path"), name, "the path of an output")
    md5 = out.get("md5")
    loose = out.get("hash") is None
    is_directory = isinstance(md5, str) and md5.endswith(DIRECTORY)
    hexes = md5.removesuffix(DIRECTORY) if isinstance(md5, str) else None
    listed = None
    if isinstance(out.get("files"), list):
        is_directory, listed = True, listing_of(out["files"], loose, f"{name}, {path}")
    if hexes is not None and not _is_md5(hexes):
        raise _malformed(name, f"{display(path)} has an MD5 that is none: {display(str(md5))}")
    labels = out.get("labels")
    why_not = _why_not(out, path, hexes is not None or listed is not None)
    return Output(
        path=path if why_not or not folder else posixpath.join(folder, path),
        identity=Identity(hexes, loose) if hexes is not None else None,
        is_directory=is_directory,
        executable=out.get("isexec") is True,
        listed=listed,
        why_not=why_not,
        is_gits=why_not == KEPT_BY_GIT,
        said={key: value for key, value in (said or {}).items() if value is not None},
        tags=tuple(map(str, labels)) if isinstance(labels, list) else (),
        source=source or {},
        made=made,
    )


def _why_not(out: Mapping[str, Any], path: str, has_bytes: bool) -> str | None:
    if _SCHEME.match(path):
        return "is outside: DVC has it at another place, not in this repository"
    if out.get("cache") is False:
        return KEPT_BY_GIT
    if not has_bytes:
        others = [key for key in ("etag", "version_id", "hash", "sha256", "blake3") if key in out]
        if others:
            return f"is named by {others[0]} and not by an MD5"
        return "has no MD5: DVC never had its content"
    return None


def _source_of(deps: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """From where `dvc import` or `dvc import-url` brought it; empty for what was added here."""
    for dep in deps:
        repo = dep.get("repo")
        if isinstance(repo, dict):
            facts = {"url": repo.get("url"), "path": dep.get("path"), "rev": repo.get("rev_lock") or repo.get("rev")}
            return {key: str(fact) for key, fact in facts.items() if fact is not None}
        if isinstance(dep.get("path"), str) and (_SCHEME.match(dep["path"]) or "etag" in dep):
            facts = {"url": dep["path"], "etag": dep.get("etag"), "version": dep.get("version_id")}
            return {key: str(fact) for key, fact in facts.items() if fact is not None}
    return {}


def _named_bytes(deps: list[Mapping[str, Any]], name: str) -> dict[str, str]:
    found = {}
    for dep in deps:
        path, md5 = _text(dep.get("path"), name, "the path of a dependency"), dep.get("md5")
        found[path] = md5 if isinstance(md5, str) else ""
    return found


def _is_md5(value: object) -> bool:
    return isinstance(value, str) and _MD5.fullmatch(value) is not None


def _mapping(value: object, name: str, why: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _malformed(name, why)
    return value


def _mappings(value: object, name: str, what: str) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _malformed(name, f"{what} is not a list of tables")
    return value


def _text(value: object, name: str, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise _malformed(name, f"{what} is not text")
    return value


def _malformed(name: str, why: str) -> MalformedContent:
    return MalformedContent(
        f"{name} is not what DVC writes: {why}", hint="look at it with DVC, or bring it back: git log -- the file"
    )


class Setting(NamedTuple):
    """A line of DVC's configuration: its section, the name in quotes behind that, its key, and what it says."""

    section: str
    name: str
    key: str
    value: str


_HEADER = expression(r"""\[\s*'?(\w+)(?:\s+"([^"]*)")?\s*'?\s*\]""")


def settings_in(text: str) -> Iterator[Setting]:
    """Give the settings of a file of DVC's configuration; lines that are none are passed over."""
    section = name = ""
    for line in text.splitlines():
        row = line.strip()
        if not row or row.startswith(("#", ";")):
            continue
        if header := _HEADER.match(row):
            section, name = header[1].lower(), header[2] or ""
        elif "=" in row:
            key, _, value = (part.strip() for part in row.partition("="))
            if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1]
            else:
                value = value.partition(" #")[0].rstrip()
            yield Setting(section, name, key.lower(), value)
