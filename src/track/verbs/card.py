"""Card: what people wrote about a named artifact or a partition of it, shown, set or taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from track.errors import UnknownPath, UsageError
from track.flows.cards import Card, card_bytes, card_of, card_path
from track.flows.named import Names, declaration_at, label, partitions_of, schema_of, side_of
from track.flows.named_versions import asked_of, choose
from track.flows.pointers import content_at, put_pointer
from track.flows.sides import HERE
from track.history import index
from track.model.names import typed
from track.project import Project


@dataclass(frozen=True, slots=True)
class Carded:
    """A card, which may be that of fewer partitions than were asked for.

    `is_changed` says that it was set or taken away; then `staged` has its path.
    """

    name: str
    card: Card
    is_changed: bool = False
    staged: tuple[bytes, ...] = ()


def card(
    project: Project,
    words: str,
    *,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    text: str | None = None,
    remove: bool = False,
    stage: bool = True,
) -> Carded:
    """The card of `[REV:]NAME[@VERSION]` or of a partition of it; with `text` it is set, with `remove` taken away.

    Without one of its own, a partition has that of fewer keys, at last that of the whole artifact. A card is a file
    of Markdown beside the pointers, in Git like the code.

    Raises:
        UnknownPath, UnknownRevision: there is no such artifact or version, or it has no card.
        UsageError: a partition was not declared, or the text cannot be a card.
        MalformedPointer, NewerFormat: what was declared cannot be read.
        DiskFull, StoreUnwritable, Locked: nothing was changed.
    """
    asked = asked_of(words, partitions, time)
    if text is None and not remove:
        return _shown(project, words, partitions, time)
    if asked.rev is not None or asked.version is not None:
        raise UsageError("a card is set in the working tree, not at a version", hint=f"track card {typed(asked.name)}")
    with project.lock():
        wanted = _wanted(project, words, partitions, time)
        path = card_path(asked.name, wanted)
        before = content_at(project, path)
        if before is None and remove:
            raise _no_card(asked.name, wanted)
        content = card_bytes(text) if text is not None else None
        if is_changed := content != before:
            put_pointer(project, path, content)
        if stage:
            index.stage(project.git, [path])
    shown = (content if content is not None else before or b"").decode("utf-8", "replace")
    return Carded(asked.name, Card(shown, path, wanted), is_changed, (path,) if stage else ())


def _shown(project: Project, words: str, partitions: Mapping[str, object] | None, time: str | date | None) -> Carded:
    asked = asked_of(words, partitions, time)
    if asked.version is None:
        side, wanted = side_of(project, asked.rev), _wanted(project, words, partitions, time)
    else:
        version = choose(project, asked)
        side = side_of(project, None if version.where == HERE else version.where)
        wanted = dict(version.partitions)
    found = card_of(project, side, asked.name, wanted)
    if found is None:
        raise _no_card(asked.name, wanted)
    return Carded(asked.name, found)


def _wanted(
    project: Project, words: str, partitions: Mapping[str, object] | None, time: str | date | None
) -> dict[str, str]:
    """The partitions that were given, of an artifact that is there."""
    asked = asked_of(words, partitions, time)
    side = side_of(project, asked.rev)
    names = Names(side)
    if declaration_at(project, side, asked.name) is None:
        names.of(asked.name)
    return partitions_of(asked.name, schema_of(project, names, asked.name), asked.partitions, asked.time)


def _no_card(name: str, partitions: Mapping[str, str]) -> UnknownPath:
    given = "".join(f" --partition {typed(f'{key}={value}')}" for key, value in partitions.items())
    return UnknownPath(
        f"`{label(name, partitions)}` has no card", hint=f"track card {typed(name)}{given} --set FILE     sets one"
    )
