"""Named artifacts in a living run: what it put are its outputs, what it got its inputs."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from track.errors import OutsideRepository, UnknownPath, UnknownRevision, UsageError
from track.flows.named_place import place_named
from track.flows.named_versions import NamedVersion, version_path
from track.flows.run_journal import journal_of
from track.model.canonical import canonical_json
from track.model.names import is_named_pointer, parse_artifact_name
from track.model.pointer import Pointer
from track.model.record import Record, Used
from track.project import Project
from track.runs.journal import Living


def living_run(project: Project, run: str | None) -> Living | None:
    """The living run of this clone with this id; None where none was named, or it has ended."""
    return journal_of(project).find_living(run) if run is not None else None


def named_inputs(project: Project, words: Sequence[str]) -> tuple[list[str], list[NamedVersion]]:
    """(the other words, the versions) that declared inputs mean: what is no tracked path may be `NAME[@VERSION]`.

    Raises:
        UsageError: a version may be several, or a name is a path, too.
    """
    others: list[str] = []
    versions: list[NamedVersion] = []
    for word in words:
        try:
            located = place_named(project, word)
        except (UnknownPath, UnknownRevision, OutsideRepository):  # whoever looks for a path says what is wrong
            others.append(word)
            continue
        if not is_named_pointer(located.artifact):
            others.append(word)
            continue
        name = parse_artifact_name(located.artifact)
        partitions = located.pointer.partitions
        path = version_path(located.artifact, located.pointer)
        versions.append(NamedVersion(name, partitions, path, located.pointer, located.side.name))
    return others, versions


def used_by_name(project: Project, versions: Sequence[NamedVersion]) -> tuple[Used, ...]:
    """These versions as the declared inputs of a run; the JSON of values goes into the store, for records name it."""
    if not versions:
        return ()
    found = []
    with project.store.writer() as writer:
        for one in versions:
            size = one.pointer.size
            if one.pointer.kind == "value":
                text = canonical_json(one.pointer.value)
                writer.add_content(text)
                size = len(text)
            found.append(_used("input", one.path, one.pointer, size)._replace(how="declared"))
        writer.commit()
    return tuple(found)


def note_output(living: Living, path: bytes, pointer: Pointer, size: int) -> None:
    """Make the version at `path`, a pointer's, an output of a run, in place of what it put there before.

    `size` is in bytes; of a value, that of its JSON.
    """
    used = _used("output", path, pointer, size)
    with suppress(UsageError):  # it has ended meanwhile
        living.edit(lambda draft: _with(draft, used, replaces=True))


def note_input(living: Living, path: bytes, pointer: Pointer, size: int) -> None:
    """Make the version at `path`, a pointer's, an input of a run."""
    used = _used("input", path, pointer, size)
    with suppress(UsageError):
        if used not in living.record().artifacts:
            living.edit(lambda draft: _with(draft, used, replaces=False))


def _used(category: str, path: bytes, pointer: Pointer, size: int) -> Used:
    kind = "directory" if pointer.kind == "directory" else "file"
    return Used(category, pointer.digest, size, path=path, kind=kind, type=pointer.type, how="api")


def _with(draft: Record, used: Used, *, replaces: bool) -> Record:
    kept = [one for one in draft.artifacts if not (replaces and one[:1] == used[:1] and one.path == used.path)]
    return replace(draft, artifacts=(*kept, used))
