"""Named artifacts: which there are at a side, what was agreed of them, and which of their versions is meant."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from track.errors import MalformedPointer, TrackError, UnknownPath, UsageError
from track.flows.pointers import said_at
from track.flows.sides import HERE, STAGED, Side, side_at, side_here, side_staged
from track.history import log, trees
from track.model.declaration import (
    KEYS_LIMIT,
    TIME,
    Declaration,
    UndeclaredKey,
    artifact_name,
    check_keys,
    declaration_path,
    ordered,
    parse_declaration,
    trouble_of_key,
)
from track.model.names import (
    artifact_pointer,
    display,
    is_named_pointer,
    parse_alias_pointer,
    parse_artifact_pointer,
    typed,
)
from track.model.nearest import like
from track.model.span import Wanted, wanted
from track.project import Project

_LISTED = 10
_BY_LENGTH = {7: "month", 10: "day", 13: "hour", 16: "minute"}


class Schema(NamedTuple):
    """The keys, time and type of a named artifact; `is_declared` in a file of its own, or as its versions have them."""

    declaration: Declaration
    is_declared: bool


@dataclass(slots=True)
class Versions:
    """What a side has of one name: pointer path -> its partitions, and alias -> its pointer's path."""

    places: dict[bytes, dict[str, str]] = field(default_factory=dict)
    aliases: dict[str, bytes] = field(default_factory=dict)


class Names:
    """The named artifacts of a side, by name; `refused` are files among them that are named as nothing of ours is."""

    def __init__(self, side: Side) -> None:
        """Reads no pointer, only their paths."""
        self.side = side
        self.found: dict[str, Versions] = {}
        self.refused: list[TrackError] = []
        for path in sorted(path for path in side.contents if is_named_pointer(path)):
            if (alias := parse_alias_pointer(path)) is not None:
                self.found.setdefault(alias[0], Versions()).aliases[alias[1]] = path
                continue
            try:
                named = parse_artifact_pointer(path)
            except MalformedPointer as error:
                self.refused.append(error)
                continue
            if not "".join((named.name, *(text for pair in named.partitions for text in pair))).isprintable():
                self.refused.append(MalformedPointer(f"{display(path)} has a name that cannot be seen whole"))
                continue
            self.found.setdefault(named.name, Versions()).places[path] = dict(named.partitions)

    def of(self, name: str) -> Versions:
        """What there is of a name.

        Raises:
            UnknownPath: nothing; the nearest names are told.
        """
        if (found := self.found.get(name)) is not None and found.places:
            return found
        raise unknown_name(name, self)


def unknown_name(name: str, names: Names) -> UnknownPath:
    """The error for a name that no artifact has, with the nearest ones."""
    near = like(name, [each for each, has in names.found.items() if has.places], 3, 0.5)
    where = "" if names.side.name in (HERE, STAGED) else f" at {display(names.side.name)}"
    return UnknownPath(
        f"no named artifact is called `{display(name)}`{where}",
        hint=f"did you mean {' or '.join(map(typed, near))} ?" if near else "track artifacts list",
    )


def side_of(project: Project, rev: str | None) -> Side:
    """The side that a revision is: None the working tree, an empty one the index. Raises UnknownRevision."""
    if rev is None:
        return side_here(project)
    return side_at(project, rev) if rev else side_staged(project)


def declaration_at(project: Project, side: Side, name: str) -> Declaration | None:
    """What was agreed of a name at a side; None where nothing was.

    Raises:
        MalformedPointer, NewerFormat: its file cannot be read.
    """
    path = declaration_path(name)
    content = text_at(project, side, path)
    return None if content is None else parse_declaration(content, path)


def text_at(project: Project, side: Side, path: bytes) -> bytes | None:
    """The bytes of a file about named artifacts at a side; None where it is not there, or is no file in Git."""
    if side.name == HERE:
        return said_at(project, path)
    if side.name == STAGED:
        return log.staged_contents(project.git, [path]).get(path)
    return trees.content_at(project.git, side.name, path)


def schema_of(project: Project, names: Names, name: str) -> Schema:
    """The schema of a name: as declared at the side, else as its versions there have it; without either no keys."""
    declared = declaration_at(project, names.side, name)
    if declared is not None:
        return Schema(declared, True)
    return schema_by(names.found.get(name, Versions()).places.values())


def schema_by(versions: Iterable[Mapping[str, str]]) -> Schema:
    """The schema that nobody declared, by the partitions of versions."""
    every = list(versions)
    keys = {key for partitions in every for key in partitions}
    times = {partitions[TIME] for partitions in every if TIME in partitions}
    granularity = _BY_LENGTH.get(len(min(times)), "day") if times else None
    # A key that nobody can declare was written by hand: its versions are read, and `doctor` names them.
    able = tuple(key for key in sorted(keys - {TIME}) if not trouble_of_key(key))
    return Schema(Declaration(keys=able[:KEYS_LIMIT], time=granularity), False)


def odd_keys(names: Names) -> Iterator[MalformedPointer]:
    """What is wrong with the partitions of versions that were written by hand: keys that nobody can declare."""
    for name, has in sorted(names.found.items()):
        for path, partitions in has.places.items():
            if odd := [key for key in partitions if key != TIME and trouble_of_key(key)]:
                why = trouble_of_key(odd[0])
            elif len(partitions.keys() - {TIME}) > KEYS_LIMIT:
                why = f"has more than {KEYS_LIMIT} partition keys"
            else:
                continue
            yield MalformedPointer(
                f"{display(path)}: {why}",
                hint=f"put it under another key: track get {typed(name)} -o FILE   then track put, and git rm",
            )


class Target(NamedTuple):
    """Where a version goes: its name, its partitions in their order, and its pointer's path."""

    name: str
    partitions: dict[str, str]
    path: bytes
    schema: Schema


def target_of(
    project: Project, side: Side, name: str, given: Mapping[str, object], time: str | date | None = None
) -> Target:
    """Where the version with these partitions goes; the first version of what nobody declared decides the keys.

    Raises:
        UsageError: the name, a key or a value cannot be; or a key was not declared, or one is missing that must be.
        MalformedPointer, NewerFormat: what was declared cannot be read.
    """
    name = artifact_name(name)
    names = Names(side)
    schema = schema_of(project, names, name)
    if not schema.is_declared and not names.found.get(name, Versions()).places:
        keys = check_keys(sorted(key for key in given if key != TIME))
        has_time = time is not None or TIME in given
        schema = Schema(Declaration(keys=keys, time="day" if has_time else None), False)
    partitions = partitions_of(name, schema, given, time)
    lacking = [key for key in schema.declaration.order if key not in partitions]
    if schema.declaration.strict and lacking:
        raise UsageError(
            f"`{display(name)}` wants every one of its keys, and {_and(lacking)} "
            f"{'is' if len(lacking) == 1 else 'are'} missing",
            hint=f"give {' '.join('--time TIME' if key == TIME else f'--partition {key}=VALUE' for key in lacking)}",
        )
    for path, known in names.found.get(name, Versions()).places.items():
        if known == partitions:  # whatever order it was made with
            return Target(name, partitions, path, schema)
    return Target(name, partitions, artifact_pointer(name, partitions), schema)


def partitions_of(
    name: str, schema: Schema, given: Mapping[str, object], time: str | date | None = None
) -> dict[str, str]:
    """The partitions that a person gave, as text and in order, the time floored.

    Raises:
        UsageError: a value cannot be, or a key is not one of the artifact's.
    """
    try:
        return ordered(schema.declaration, given, time)
    except UndeclaredKey as error:
        raise _undeclared(name, schema, error.key) from None


def wanted_of(name: str, schema: Schema, given: Mapping[str, object], time: str | date | None = None) -> Wanted:
    """What a person asks for, where `time` may be a span. Raises as `partitions_of`."""
    try:
        return wanted(schema.declaration, given, time)
    except UndeclaredKey as error:
        raise _undeclared(name, schema, error.key) from None


def matching(places: Mapping[bytes, Mapping[str, str]], asked: Wanted) -> dict[bytes, Mapping[str, str]]:
    """Those places whose partitions are what is asked for."""
    return {path: has for path, has in places.items() if asked.fits(has)}


def no_match(name: str, wanted: Mapping[str, str], places: Iterable[Mapping[str, str]], where: str) -> UnknownPath:
    """The error for partitions that no version has, with some that are there."""
    there = sorted({label("", has) for has in places})
    at = "" if where in (HERE, STAGED) else f" at {display(where)}"
    return UnknownPath(
        f"`{display(name)}` has no version with {label('', wanted)}{at}",
        hint=f"track artifacts show {typed(name)}",
        details=tuple(f"there is {each or 'one without partitions'}" for each in there[:_LISTED]),
    )


def label(name: str, partitions: Mapping[str, str]) -> str:
    """A name and partitions as people read them: `rides region=eu`."""
    return " ".join(
        [*([display(name)] if name else []), *(f"{display(k)}={display(v)}" for k, v in partitions.items())]
    )


def _undeclared(name: str, schema: Schema, key: str) -> UsageError:
    known = schema.declaration.order
    shown = display(name)
    if key == TIME:
        return UsageError(
            f"`{shown}` has no time" + (f"; its keys are {_and(known)}" if known else ""),
            hint=f"track declare {typed(name)} --time",
        )
    if (trouble := trouble_of_key(key)) is not None:
        return UsageError(trouble, hint="a key is a word such as region; an artifact has at most ten")
    near = like(key, known, 1)
    has = f"its keys are {_and(known)}" if known else "it has none"
    how = "declared" if schema.is_declared else "as its versions have them"
    more = f"did you mean {near[0]} ?\n" if near else ""
    return UsageError(
        f"`{shown}` has no partition key `{display(key)}`: {has} ({how})",
        hint=f"{more}track declare {typed(name)} --key {typed(key)}      adds it",
    )


def _and(words: Sequence[str]) -> str:
    shown = [display(word) for word in words]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
