"""The history of a named artifact: what commits did to the pointers of its versions, whatever their partitions."""

from collections.abc import Mapping
from datetime import date

from track.flows.named import Names, Versions, no_match, schema_by, schema_of, unknown_name, wanted_of
from track.flows.named_versions import named_pathspecs, partitions_at
from track.flows.sides import side_here
from track.history import log
from track.history.log import Event
from track.project import Project


def named_events(
    project: Project, name: str, rev: str, partitions: Mapping[str, object] | None, time: str | date | None
) -> list[Event]:
    """What the commits that `rev` reaches did to those versions of a name that have these partitions, newest first.

    None where the history there has no such name, whatever the working tree has.

    Raises:
        UnknownRevision: there is no such commit.
        UnknownPath: the name has been there, and no version with these partitions; what there is is told.
        UsageError: a partition was not declared.
        MalformedPointer, NewerFormat: what was declared cannot be read.
    """
    events = [
        (event, has)
        for event in log.history(project.git, [rev], named_pathspecs([name]))
        if (has := partitions_at(event.path, name)) is not None
    ]
    if not partitions and time is None:
        return [event for event, _ in events]
    names = Names(side_here(project))
    if not events and not names.found.get(name, Versions()).places:
        raise unknown_name(name, names)
    is_here = bool(names.found.get(name, Versions()).places)
    schema = schema_of(project, names, name) if is_here else schema_by(has for _, has in events)
    wanted = wanted_of(name, schema, partitions or {}, time)
    found = [event for event, has in events if wanted.fits(has)]
    if not found:
        raise no_match(name, wanted.shown, [has for _, has in events], rev)
    return found
