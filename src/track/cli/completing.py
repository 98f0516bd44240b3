"""What can be completed where: which words of a repository an argument or an option takes, by what it is called."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import click

from track.cli import outline
from track.errors import TrackError
from track.flows.words import Words
from track.model.expressions import expression
from track.model.query_text import Fields
from track.model.run_words import ENDED, LIVING

_FILES = expression(r"PATH|FILE|DIR|(?<!/)FOLDER|TARGET|SOURCE|ARTIFACT|INSIDE|ITEM|^COMMAND|-- COMMAND")
"""How arguments are called that can be files."""
_FILE_NAMES = ("folder", "url")
"""The arguments, called by no other word, that can be files: what is cloned may be in a folder."""
_RUN = expression(r"\bRUN\b")
_PATHS = expression(r"\bPATH\b|ARTIFACT|ITEM|^A$|^B$")
_NEW_PATHS = ("add", "run", "init", "clone", "ls", "import")
"""Commands whose paths need not be tracked."""
_NAMED = expression(r"\bNAME\b\[@|PATH\|NAME|REV:\]NAME")
_NAMING = {("put", "NAME"), ("declare", "NAME"), ("add", "NAME")}
"""The arguments and options called NAME that are of artifacts."""
_REMOTE = expression(r"\[REMOTE\]")
_BEHIND = "[-- "
"""Before what stands behind `--` alone."""
_MAKING = ("put", "declare", "add")
"""Commands that make a version of an artifact, which an alias is not."""
_REVISION = expression(r"\bREV\b(?!:)|\bCOMMIT\b|\[A \[B\]\]")
_TOUCHING = expression(r"(?:(?P<start>.*?)\.\.\.?)(?P<end>[^.]*)")
"""Two revisions, as in `v1..v2`."""
_FIELDS = {"--label": "labels", "--partition": "partitions", "--param": "params", "words": "labels"}
_KEYS = {("label", "KEY"): "labels", ("declare", "KEY"): "partitions", ("artifacts values", "[KEY]"): "partitions"}
_SAID = expression(r"(?P<before>(?:|.*[\s(])(?:and|or|not)\s+|[\s(]*)(?P<field>[\w.-]*)", re.DOTALL | re.IGNORECASE)
"""A query that goes on with a field."""
_SORT = expression(r"(?P<before>-?)(?P<field>.*)", re.DOTALL)


def is_file(asked: click.Parameter, given: Sequence[str]) -> bool:
    """Whether what is asked for, behind the arguments that are `given`, can be a file."""
    if asked.metavar is None and isinstance(asked, click.Argument):
        return asked.name in _FILE_NAMES
    return asked.metavar != "[COMMAND]..." and (
        bool(_FILES.search(_said(asked, given))) or isinstance(asked.type, click.Path)
    )


def words_for(
    command: str, asked: Sequence[click.Parameter], typed: str, *, given: Sequence[str] = (), runs: bool = False
) -> Iterator[str]:
    """The words of the repository around us that can stand there, behind the arguments that are `given`, and begin as
    what is typed; `runs` are asked for.
    """
    sorts = any(each.metavar == "FIELD" for each in asked)
    if (typed.startswith("-") and not sorts) or not asked:
        return
    if command == "help":
        yield from (name for name in outline.SUMMARIES if name.startswith(typed))
        return
    known = Words(Path.cwd())
    found: list[str] = []
    with suppress(TrackError):  # settings that cannot be read hide no revision
        found += _settings(known, command, asked, typed, given)
    if found := [*found, *_known(known, command, asked, typed, given, runs=runs)]:
        yield from found
    elif typed and ":" not in typed and any("[REV:]" in (each.metavar or "") for each in asked):
        yield from (f"{each}:" for each in known.revisions(typed))


def _known(
    known: Words, command: str, asked: Sequence[click.Parameter], typed: str, given: Sequence[str], *, runs: bool
) -> Iterator[str]:
    for each in asked:
        metavar = _said(each, given)
        yield from _revisions(known, metavar, typed)
        if _RUN.search(metavar):
            yield from import_module("track.flows.run_words").runs(known, typed)
        if (command, metavar) in _NAMING or _finds(command, each) or _NAMED.search(metavar):
            yield from (name for name in known.names(typed) if "@" not in name or command not in _MAKING)
        if (_PATHS.search(metavar) and command not in _NEW_PATHS) or _finds(command, each):
            yield from known.paths(typed)
        yield from _facts(known, command, each, typed)
        fields = import_module("track.flows.run_query").FIELDS if runs else None
        yield from _asking(known, each.metavar or "", typed, fields)


def _settings(
    known: Words, command: str, asked: Sequence[click.Parameter], typed: str, given: Sequence[str]
) -> Iterator[str]:
    """The remotes, where one can stand, and settings with what they can be."""
    if command == "config" and any(isinstance(each, click.Argument) for each in asked):
        words = import_module("track.flows.setting_words")
        yield from words.choices(known, given[0], typed) if given else words.settings(known, typed)
    elif any(_is_remote(command, each, given) for each in asked):
        yield from import_module("track.flows.setting_words").remotes(known, typed)


def _is_remote(command: str, asked: click.Parameter, given: Sequence[str]) -> bool:
    if isinstance(asked, click.Option):
        return asked.metavar == "REMOTE" or "--remote" in asked.opts
    if command.startswith("remote "):
        return asked.name == "name" and command != "remote add"
    return command == "trust" or (not given and bool(_REMOTE.search(asked.metavar or "")))


def _said(asked: click.Parameter, given: Sequence[str]) -> str:
    """How it is called, or the part of that which is meant before or behind `--`."""
    before, mark, behind = (asked.metavar or "").partition(_BEHIND)
    return behind if mark and "--" in given else before


def _finds(command: str, asked: click.Parameter) -> bool:
    return command == "find" and "--name" in asked.opts


def _facts(known: Words, command: str, asked: click.Parameter, typed: str) -> Iterator[str]:
    metavar = asked.metavar or ""
    if re.search(r"\bTAG\b", metavar):
        yield from known.values("tags", typed)
    if {"--user", "--as"} & {*asked.opts} and metavar == "NAME":
        yield from known.people(typed)
    if metavar == "STATUS":
        yield from (status for status in (*LIVING, *ENDED) if status.startswith(typed))
    if "METRIC" in metavar:
        yield from known.keys("metrics", typed)
    if (field := _KEYS.get((command, metavar))) is not None:
        yield from known.keys(field, typed)
    if "KEY=VALUE" in metavar:
        yield from _pairs(known, asked, typed)


def _revisions(known: Words, metavar: str, typed: str) -> Iterator[str]:
    """Revisions, once something is typed where a path may stand, too; and what is behind the colon of one."""
    if "[REV:]" in metavar:
        rev, colon, path = typed.partition(":")
        if colon and "NAME" in metavar:
            yield from (f"{rev}:{name}" for name in known.names(path) if "@" not in name)
        if colon and "PATH" in metavar:
            yield from (f"{rev}:{each}" for each in known.paths_from_top(path))
    if _REVISION.search(metavar) and (typed or metavar == "REV"):
        two = _TOUCHING.fullmatch(typed) if metavar != "REV" else None
        before, begun = (typed[: two.start("end")], two["end"]) if two is not None else ("", typed)
        yield from (f"{before}{each}" for each in known.revisions(begun))


def _asking(known: Words, metavar: str, typed: str, fields: Fields | None) -> Iterator[str]:
    """Fields to sort by, and where a query goes on with one."""
    said = _SORT.fullmatch(typed) if metavar == "FIELD" else _SAID.fullmatch(typed) if "QUERY" in metavar else None
    if said is None:
        return
    fields = fields or import_module("track.flows.finding").VERSION_FIELDS
    first, dot, key = said["field"].partition(".")
    if dot:
        path = ".".join(fields.named(first) or (first,))
        yield from (f"{said['before']}{first}.{each}" for each in known.keys(path, key))
    else:
        every = sorted((*fields.known, *fields.others))
        yield from (f"{said['before']}{each}" for each in every if each.startswith(first))


def _pairs(known: Words, asked: click.Parameter, typed: str) -> Iterator[str]:
    """`KEY=`, and behind that `KEY=VALUE`."""
    field = next((_FIELDS[name] for name in (*asked.opts, asked.name or "") if name in _FIELDS), None)
    if field is None:
        return
    key, mark, value = typed.partition("=")
    if mark:
        yield from (f"{key}={text}" for text in known.values(f"{field}.{key}", value))
    else:
        yield from (f"{text}=" for text in known.keys(field, key))
