"""Consent to commands: one that came with the repository is somebody else's, and is executed when the person here
allowed it.

A run that this user began in this clone, and of which the journal says the same as the record, is what was typed
here. Any other record came by Git, through a remote or with an unpacked folder: whoever wrote it chose the command, the
folder, the code, and the inputs, which are placed over the code.
"""

import json
import shlex
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from track.errors import MalformedRecord, NewerFormat, NotTrusted, TrackError, UsageError
from track.flows.run_find import find_run, say_the_same
from track.flows.run_journal import journal_of
from track.model.digest import digest_of
from track.model.names import display, text_of
from track.model.record import Record
from track.model.wish import Wish, line
from track.project import Project

KIND = "command of"
"""What such a wish is called, before the id of the run."""

Ask = Callable[[Sequence[Wish]], bool]
"""Shows what waits for a yes, and whether it got one."""


def nobody(wishes: Sequence[Wish]) -> bool:
    """Nobody can be asked."""
    return False


def wish_of_run(record: Record) -> Wish:
    """What is allowed when the command of this record is: who is said to have run what, where, with which code, and
    with which inputs.
    """
    told = {
        "name": record.name,
        "by": record.by,
        "command": shlex.join(record.command),
        "folder": record.cwd,
        "code": record.revision.code if record.revision is not None else None,
        "inputs": _inputs(record),
    }
    return Wish(KIND, record.id, tuple(line(key, value) for key, value in told.items() if value))


def waiting_commands(project: Project, records: Iterable[Record]) -> tuple[Wish, ...]:
    """What of these runs has to be allowed before their commands are executed here; each once.

    Raises:
        BadConfig: the record of what was allowed cannot be read.
    """
    given = None
    waiting: dict[str, Wish] = {}
    for record in records:
        if not record.command or _is_own(project, record):
            continue
        given = project.consents.here() if given is None else given
        wish = wish_of_run(record)
        if wish not in given:
            waiting[record.id] = wish
    return tuple(waiting.values())


def allow_commands(project: Project, records: Iterable[Record], ask: Ask = nobody) -> None:
    """Let the commands of these runs be executed, when they are this clone's own, were allowed, or are now.

    Raises:
        NotTrusted: they came with the repository, and nobody here has allowed them.
        BadConfig: the record of what was allowed cannot be read.
    """
    if not (wishes := waiting_commands(project, records)):
        return
    if not ask(wishes):
        raise _refused(wishes)
    project.consents.give(wishes)


def commands_asked(project: Project, names: Iterable[str]) -> tuple[Wish, ...]:
    """The wishes of the runs that are called so, by id or name, as far as there are such and they have commands."""
    found: dict[str, Wish] = {}
    for name in names:
        with suppress(TrackError):
            record = find_run(project, name).record
            if record.command and not _is_own(project, record):
                found[record.id] = wish_of_run(record)
    return tuple(found.values())


def names_of(project: Project, names: Iterable[str], wishes: Iterable[Wish]) -> dict[str, str]:
    """What those of these wishes are called that a person calls so: by their own names first, then a run by its id."""
    known = {wish.name for wish in wishes}
    asked = {name: name for name in names}
    for name in asked.keys() - known:
        with suppress(TrackError):
            asked[name] = find_run(project, name).record.id
    return asked


def _is_own(project: Project, record: Record) -> bool:
    journal = journal_of(project)
    try:
        living = journal.find_living(record.id)
        known = living.record() if living is not None else journal.find_ended(record.id)
    except (MalformedRecord, NewerFormat, UsageError):  # it cannot be read, or has ended just now
        return False
    return known is not None and say_the_same(known, record) and project.consents.has_run(record.id)


def _inputs(record: Record) -> str:
    """The inputs that would be placed: some by their paths, and a digest over all; empty where there are none."""
    placed = sorted(
        (text_of(used.path), used.kind, str(used.digest)) for used in record.of("input") if used.path is not None
    )
    if not placed:
        return ""
    shown = ", ".join(path for path, _, _ in placed[:_NAMED])
    more = f" and {len(placed) - _NAMED} more" if len(placed) > _NAMED else ""
    return f"{shown}{more} ({digest_of(json.dumps(placed).encode('ascii'))})"


def _refused(wishes: Sequence[Wish]) -> NotTrusted:
    first = wishes[0]
    names = " ".join(wish.name for wish in wishes[:_NAMED])
    if len(wishes) == 1:
        what = f"the command of run {display(first.name)} came with the repository, and was not run here"
        details = first.lines
    else:
        what = f"the commands of {len(wishes)} runs came with the repository, and were not run here"
        details = tuple(next(each for each in wish.lines if each.startswith("command = ")) for wish in wishes[:_NAMED])
    return NotTrusted(
        f"{what}: nothing is executed yet",
        hint=f"if you trust who wrote it: track trust {names}   (without a terminal: track trust --yes {names})",
        details=details,
    )


_NAMED = 10
"""So many runs, or inputs, are named in a message at most."""
