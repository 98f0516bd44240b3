"""Reproduce: the command of a run again, in isolation, and a verdict for each of its outputs."""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from track import publish
from track.errors import MissingObject, PurgedObject, TrackError
from track.flows.keep import Keeper, Kept
from track.flows.pointers import exists, pointer_at
from track.flows.reach import Version
from track.flows.run_commands import command_of
from track.flows.run_compare import Side, Verdict, verdict
from track.flows.run_consent import Ask, allow_commands, nobody
from track.flows.run_find import Found, find_run
from track.flows.run_isolated import Cell, isolated
from track.flows.run_needs import need
from track.flows.run_start import RUN_ID
from track.flows.run_versions import code_version, input_versions, output_versions
from track.model.names import is_named_pointer
from track.model.run_words import LOGS
from track.progress import Progress, silent
from track.project import Project
from track.runs.command import Echo, Executed, Streams, check_program, execute


class Reproduced(NamedTuple):
    """What came of it: the command's exit code now, and a verdict for each output, sorted by path.

    `not_there` names inputs that were no tracked paths, and so were not there this time, `not_compared` what a program
    saved as an output of the run and at no path.
    """

    found: Found
    code: int
    seconds: float
    verdicts: tuple[Verdict, ...]
    not_there: tuple[str, ...]
    not_compared: tuple[str, ...] = ()

    @property
    def is_reproduced(self) -> bool:
        """Whether every output came again, and the command ended as it had."""
        return self.code == (self.found.record.exit or 0) and all(each.is_good for each in self.verdicts)


def reproduce(
    project: Project, name: str, *, echo: Echo, fetch: bool = False, ask: Ask = nobody, progress: Progress = silent
) -> Reproduced:
    """Execute the command of a run where only its code and its inputs are, and compare what it makes with what it made.

    Nothing is recorded, and the working tree stays as it is. With `fetch`, what is not here comes from a remote.
    A command that came with the repository is executed when it was allowed, or `ask` says so now.

    Raises:
        UnknownRun: no run is called so, or several are.
        UsageError: it had no command, no code was kept with it, or a secret that is not kept stood in its command.
        NotTrusted: its command came with the repository, and nobody here has allowed it; nothing was run.
        MissingObject: its code or an input is not here, or nowhere.
        CommandNotFound: its program is not here.
        GitFailed, DiskFull, StoreUnwritable: no working tree can be made for it.
    """
    found = find_run(project, name)
    record = found.record
    command = command_of(record)
    allow_commands(project, [record], ask)
    code, inputs, outputs = code_version(record), input_versions(record), output_versions(record)
    again = f"track reproduce {record.id}"
    need(project, found, [code, *inputs], fetch=fetch, again=again, progress=progress)
    if fetch:
        with suppress(MissingObject):  # what the run made is only needed where it differs
            need(project, found, outputs, fetch=True, again=again, progress=progress)
    paths = [version.path for version in outputs]
    commit = record.revision.commit if record.revision is not None else None
    cell = Cell(code, commit, inputs, [version.path for version in inputs], paths, record.cwd)
    with isolated(project, cell, progress) as place:
        executed = _execute(place, command, echo)
        verdicts = _verdicts(project, place, outputs, progress)
    not_there = tuple(used.shown for used in record.of("input") if used.path is None)
    saved = (used.shown for used in record.of("output") if used.path is None)
    not_compared = tuple(name for name in saved if name not in LOGS)
    return Reproduced(found, executed.code, executed.seconds, verdicts, not_there, not_compared)


def _execute(place: Project, command: Sequence[str], echo: Echo) -> Executed:
    variables = {name: value for name, value in os.environ.items() if name != RUN_ID}
    check_program(command, place.cwd, variables.get("PATH"))
    room = publish.stage(place.worktree_state / "streams")
    publish.make_directory(room)
    return execute(
        command,
        cwd=place.cwd,
        environment=variables,
        streams=Streams(room / "stdout", room / "stderr"),
        echo=echo,
        beat=lambda: None,
        beat_every_s=60.0,
    )


def _verdicts(project: Project, place: Project, outputs: Sequence[Version], progress: Progress) -> tuple[Verdict, ...]:
    """Compare; what the command made this time goes into the store, where nothing names it."""
    sides: dict[bytes, Side] = {}
    with Keeper(place, progress=progress) as keeper:
        for version in outputs:
            if is_named_pointer(version.path):
                with suppress(TrackError):
                    if (pointer := pointer_at(place, version.path)) is not None:
                        is_value = pointer.kind == "value"  # which a record names as a file of its JSON
                        size = version.pointer.size if is_value else pointer.size
                        sides[version.path] = Side("file" if is_value else pointer.kind, pointer.digest, size)
            elif exists(place, version.path):
                with suppress(TrackError):  # a pipe or the like is no output
                    kept = _kept(place, keeper, version.path)
                    sides[version.path] = Side(kept.kind, kept.digest, kept.size)
        keeper.commit()
    verdicts = []
    for version in outputs:
        recorded = Side(version.pointer.kind, version.pointer.digest, version.pointer.size)
        if version.path in sides:
            verdicts.append(verdict(project, version.path, recorded, sides[version.path]))
        else:
            verdicts.append(Verdict(version.path, "missing", recorded.digest, None, "it was not written"))
    return tuple(verdicts)


def _kept(place: Project, keeper: Keeper, path: bytes) -> Kept:
    """What is there, stored unless it was removed for good. Raises TrackError."""
    try:
        return keeper.keep(path, None)
    except PurgedObject:
        with Keeper(place, dry_run=True) as looking:
            return looking.keep(path, None)
