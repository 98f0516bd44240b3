"""Alias: a word for one version of a named artifact, such as prod, set, moved, taken away or listed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from track.errors import UnknownPath
from track.flows.named import Names, Versions, unknown_name
from track.flows.named_versions import asked_of, choose
from track.flows.pointers import content_at, put_pointer
from track.flows.sides import side_here
from track.flows.undo import Undo
from track.history import index
from track.model.declaration import alias_name
from track.model.digest import Digest
from track.model.names import alias_pointer, display, typed
from track.model.pointer import Pointer, dump_pointer
from track.project import Project


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias and the version that it names."""

    alias: str
    partitions: Mapping[str, str]
    digest: Digest
    path: bytes


@dataclass(frozen=True, slots=True)
class Aliased:
    """The aliases of a named artifact, sorted, as they were left.

    `changed` is the one that was set, moved or taken away (or would be), `before` the digest that it had.
    """

    name: str
    aliases: tuple[Alias, ...]
    changed: str | None = None
    before: Digest | None = None
    staged: tuple[bytes, ...] = ()


def alias(
    project: Project,
    words: str,
    word: str | None = None,
    *,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    remove: bool = False,
    stage: bool = True,
    dry_run: bool = False,
) -> Aliased:
    """Make `word` an alias of the version `[REV:]NAME[@VERSION]` with these partitions, moving it from any other.

    With `remove` it is taken away; without a word the aliases are listed. An alias is a pointer, that of the version:
    it is reviewed, merged, pushed and kept like every other, whatever becomes of the version's own place.

    Raises:
        UnknownPath, UnknownRevision: there is no such artifact, version or alias.
        UsageError: the alias cannot be, a partition was not declared, or the version may be several.
        MalformedPointer, NewerFormat: a pointer cannot be read.
        DiskFull, StoreUnwritable, Locked: nothing was changed.
    """
    asked = asked_of(words, partitions, time)
    if word is None:
        return _listed(project, asked.name)
    word = alias_name(word)
    with project.lock():
        names = Names(side_here(project))
        path = alias_pointer(asked.name, word)
        known = names.found.get(asked.name, Versions()).aliases
        before = names.side.pointer(known[word]) if word in known else None
        if remove:
            if word not in known:
                raise _no_alias(asked.name, word, names)
            content = None
        else:
            version = choose(project, asked)
            content = dump_pointer(replace(version.pointer, partitions=dict(version.partitions)))
        is_changed = content_at(project, path) != content
        staged = () if dry_run else _write(project, path, content, (asked.name, word), stage)
    left = _listed(project, asked.name)
    digest = before.digest if before is not None else None
    return replace(left, changed=word if is_changed else None, before=digest, staged=staged)


def _write(
    project: Project, path: bytes, content: bytes | None, words: tuple[str, str], stage: bool
) -> tuple[bytes, ...]:
    undo = Undo(project, "alias", *words, is_staged=stage)
    if content_at(project, path) != content:
        undo.note_pointer(path)
        undo.save()
        put_pointer(project, path, content)
    if stage:
        index.stage(project.git, [path])
    undo.done()
    return (path,) if stage else ()


def _listed(project: Project, name: str) -> Aliased:
    names = Names(side_here(project))
    has = names.found.get(name)
    if has is None:
        raise unknown_name(name, names)
    found: list[Alias] = []
    for word, path in sorted(has.aliases.items()):
        pointer: Pointer | None = names.side.pointer(path)
        if pointer is not None:
            found.append(Alias(word, dict(pointer.partitions), pointer.digest, path))
    return Aliased(name, tuple(found))


def _no_alias(name: str, word: str, names: Names) -> UnknownPath:
    has = sorted(names.found.get(name, Versions()).aliases)
    return UnknownPath(
        f"`{display(name)}` has no alias `{display(word)}`",
        hint=f"it has {', '.join(map(display, has))}"
        if has
        else f"track alias {typed(name)} {typed(word)}     sets it",
    )
