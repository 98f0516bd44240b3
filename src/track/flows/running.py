"""Running: a command is executed so that what it used, made and was is known for good."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from track.errors import ChangedWhileAdding, CommandNotFound, MissingOutput, TrackError, UsageError
from track.flows.run_artifacts import (
    Made,
    Outputs,
    Tracked,
    Unsaved,
    check_inputs,
    check_outputs,
    inputs_of,
    keep_outputs,
    output_of,
    places_of,
    save_inputs,
    tracked_now,
    watched_of,
)
from track.flows.run_end import end
from track.flows.run_environment import environment_of, streams_of
from track.flows.run_isolated import Cell, check_isolated, isolated, keep_declared
from track.flows.run_left import note_before, with_room
from track.flows.run_metrics import check_metric_files, following
from track.flows.run_named import named_inputs, used_by_name
from track.flows.run_overlap import own_outputs
from track.flows.run_place import Placed, not_placed, place
from track.flows.run_policy import missing_in_git
from track.flows.run_start import RUN_ID, Wishes, begin, elapsed_s
from track.flows.run_versions import code_version, input_versions
from track.model.names import display
from track.model.record import Record, Summary, Used
from track.progress import Progress, silent
from track.project import Project
from track.runs import observe
from track.runs.command import Echo, Executed, Streams, check_program, execute
from track.runs.holder import hold
from track.runs.journal import BEAT_EVERY_S, Living


class Ran(NamedTuple):
    """What a run came to. `code` is the command's own; `staged` are files of the working tree, sorted.

    `why_not` says why the record waits in the journal, `warnings` what is not as it should be and changes nothing.
    `commit` is that of the record, where one was asked for. `missing` says what others do not find in Git of what a
    completed run needed, as far as the setting `runs.warn` wants that told.
    """

    record: Record
    code: int
    staged: tuple[bytes, ...]
    why_not: str | None
    warnings: tuple[str, ...]
    commit: str | None = None
    missing: tuple[str, ...] = ()


Committer = Callable[[Record, Sequence[bytes]], str]
"""Commits the record of a run and the files that were staged for it, and gives the commit's id."""


class Asked(NamedTuple):
    """How to run: declared inputs and outputs as a person types them, and how to look for others.

    `isolated` runs in a working tree of its own, with the recorded code and the declared inputs alone. `keep` writes
    the record into the working tree. `commit` commits it with the pointers of what was made: `run_commit.committing`,
    which loads what all others do without. `require` says what is asked of the code, one of `run_policy.LEVELS`; else
    the setting `runs.require` does.
    """

    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    observe: str = "auto"
    keep: bool = True
    isolated: bool = False
    commit: Callable[[Project], Committer] | None = None
    metrics: Sequence[str] = ()
    require: str | None = None


class _Work(NamedTuple):
    """A run under way: what was asked, and how things were before."""

    project: Project
    living: Living
    command: tuple[str, ...]
    asked: Asked
    before: Mapping[bytes, Tracked]
    inputs: list[bytes]
    outputs: list[bytes]
    progress: Progress


class _Found(NamedTuple):
    """What the command used and made, and what stands in the way of calling that complete."""

    executed: Executed
    artifacts: tuple[Used, ...]
    made: tuple[Made, ...]
    environment: Mapping[str, object]
    warnings: tuple[str, ...]
    error: TrackError | None


class _Done(NamedTuple):
    """How the command ended, and what could not be read of its metrics or traced."""

    executed: Executed
    troubles: Sequence[str]


def execute_run(
    project: Project,
    command: Sequence[str],
    wishes: Wishes | None = None,
    asked: Asked | None = None,
    *,
    echo: Echo,
    progress: Progress = silent,
) -> Ran:
    """Execute `command` and record it, for every verb that does; what it promises and raises is said at `verbs.run`."""
    wishes, asked = wishes or Wishes(), asked or Asked()
    _check(command, asked)
    words, named = named_inputs(project, asked.inputs)
    inputs, outputs = places_of(project, words), places_of(project, asked.outputs)
    before = tracked_now(project, progress)
    check_inputs(project, inputs, before)
    check_outputs(project, outputs)
    if asked.isolated:
        check_isolated(project, inputs, outputs)
    branch, committer = project.git.branch(), asked.commit(project) if asked.commit is not None else None
    require = asked.require or project.config.text("runs.require") or "nothing"
    wishes = wishes._replace(parent=wishes.parent or os.environ.get(RUN_ID))
    living = begin(project, wishes, tuple(command), require=require)
    began = time.monotonic()
    hold(living.folder)
    work = _Work(project, living, tuple(command), asked, before, inputs, outputs, progress)
    by_name = used_by_name(project, named)
    living.edit(lambda draft: replace(draft, artifacts=(*draft.artifacts, *by_name)))
    try:
        with _place_of(work) as place:
            found = _find(work, place, _execute(work, place, echo))
    except BaseException as error:
        code = error.exit_code if isinstance(error, CommandNotFound) else None
        with suppress(TrackError, OSError):
            _end(project, living, began, status="failed", exit=code)
        raise
    record = _sealed(work, found, began)
    placed = _placed(work, record, found.made, branch)
    commit = None
    if committer is not None and placed.staged:
        commit = committer(record, placed.staged)
    if found.error is not None and not found.executed.code:
        raise found.error
    missing = missing_in_git(project, record) if record.status == "completed" else ()
    return Ran(record, found.executed.code, placed.staged, placed.why_not, found.warnings, commit, missing)


def _check(command: Sequence[str], asked: Asked) -> None:
    if not command:
        raise UsageError("no command was named", hint="track run -- python train.py")
    if asked.observe not in observe.MODES:
        raise UsageError(f"not a way to observe: {display(asked.observe)}", hint=", ".join(observe.MODES))
    if asked.commit is not None and not asked.keep:
        raise UsageError(
            "what is not kept cannot be committed",
            hint="leave out --no-keep, or --commit (in Python: keep=False, or commit=True)",
        )
    check_metric_files(asked.metrics)


@contextmanager
def _place_of(work: _Work) -> Iterator[Project]:
    """Where the command runs: in the working tree, or in one with the code and the declared inputs alone."""
    project, revision = work.project, work.living.record().revision
    if not work.asked.isolated or revision is None or revision.code is None:
        yield project
        return
    used = inputs_of(work.before, work.inputs, ())
    with project.lock():
        unsaved = save_inputs(project, used, work.progress)
    if unsaved.purged:
        raise unsaved.purged[0]
    if unsaved.changed:
        shown = unsaved.changed[0].called
        raise ChangedWhileAdding(f"`{shown}` changes all the time", hint="wait until it is written")
    by_name = work.living.record().of("input")  # nothing else is known yet
    draft = replace(work.living.record(), artifacts=(*used, *by_name))
    code = code_version(draft)
    cell = Cell(code, revision.commit, input_versions(draft), work.inputs, work.outputs, draft.cwd)
    with isolated(project, cell, work.progress) as place:
        yield place


def _execute(work: _Work, place: Project, echo: Echo) -> _Done:
    """Run the command to its end, observed."""
    room, top = work.living.folder, place.root
    variables = dict(os.environ)
    check_program(work.command, place.cwd, variables.get("PATH"))
    # in isolation nothing tracked is there but what was declared
    note_before(place, work.living, inputs_of(work.before, work.inputs, work.before if place is work.project else ()))
    mode, data = work.asked.observe, observe.Data()
    if mode in ("auto", "python") and place is work.project:
        data = watched_of(work.project, work.before)
    watch = observe.watch(work.command, room, top, mode=mode, variables=variables, data=data, cwd=place.cwd)
    with following(work.living, [place.cwd / name for name in work.asked.metrics]) as troubles:
        executed = execute(
            (*watch.prefix, *work.command),
            cwd=place.cwd,
            environment={**variables, **watch.variables, RUN_ID: work.living.id},
            streams=Streams(room / "stdout", room / "stderr"),
            echo=echo,
            beat=work.living.beat,
            beat_every_s=BEAT_EVERY_S,
        )
    if mode == "trace" and watch.untraced is not None:
        troubles.append(f"nothing was traced: {watch.untraced}; only Python programs were observed")
    return _Done(executed, troubles)


def _find(work: _Work, place: Project, done: _Done) -> _Found:
    """Find and store what the command used and made in `place`, and what it said."""
    project, run, executed = work.project, work.living.id, done.executed
    observe.wait_for_trace(work.living.folder, executed.process)
    seen = observe.observed(work.living.folder, place.root)
    made: list[Made] = []
    told: list[str] = []
    error: TrackError | None = None
    with project.lock():
        # in isolation nothing tracked is there but what was declared: what was opened besides was not found
        used = inputs_of(work.before, work.inputs, seen.read if place is project else ())
        try:
            unsaved = save_inputs(project, used, work.progress)
            if place is project:
                outputs = keep_outputs(project, work.before, work.outputs, run, work.progress)
                made, told = own_outputs(project, work.living, outputs.made, seen)
            else:
                present = {path: before.pointer for path, before in work.before.items()}
                outputs = keep_declared(project, place, work.outputs, present, run, progress=work.progress)
                made = outputs.made
            error = _missing(outputs)
        except TrackError as failure:
            error, unsaved = failure, Unsaved()
        streams = streams_of(project, work.living.folder)
        facts = environment_of(project, seen.python)
    warnings = [
        f"{used.called} changed during the run; what it was before is saved nowhere" for used in unsaved.changed
    ]
    warnings += [one.message for one in unsaved.purged]
    warnings += [*told, *done.troubles]
    if executed.unkept is not None:
        warnings.append(f"not all that the command wrote could be kept: {executed.unkept}")
    if executed.memory is not None:
        facts["memory"] = executed.memory
    if executed.left_running:
        facts["left_running"] = True
        warnings.append("a process was left in the background; what it still does is not part of the run")
    if place is project and (unseen := _unseen(work, seen.named, used, made)):
        warnings.append(
            f"{unseen} was named to a program that is no Python, and what that opens is not seen:"
            " name it with --input, or try --observe trace"
        )
    if seen.unwatched_count:
        warnings.append("the kernel does not tell of all files that libraries open: try --observe trace")
    error = error or _unheard(executed)
    artifacts = (*used, *map(output_of, made), *streams)
    return _Found(executed, artifacts, tuple(made), facts, tuple(warnings), error)


def _unseen(work: _Work, named: Iterable[bytes], used: Sequence[Used], made: Sequence[Made]) -> str:
    """The tracked paths that were named to a program which nothing looked at, and that are no input or output."""
    known = {one.path for one in used} | {one.path for one in made}
    given = {one.path for one in inputs_of(work.before, (), named) if one.path is not None} - known
    return ", ".join(f"`{display(path)}`" for path in sorted(given))


def _unheard(executed: Executed) -> TrackError | None:
    if executed.unheard is None:
        return None
    return TrackError(
        f"not all that the command wrote could be passed on: {executed.unheard}",
        hint="see whether there is space where its output goes: df -h; in Python, whether `echo` takes any bytes",
    )


def _missing(outputs: Outputs) -> TrackError | None:
    """Why some of the outputs are not kept; None where all are."""
    if outputs.purged:
        return outputs.purged[0]
    if not outputs.missing:
        return None
    shown = ", ".join(f"`{display(path)}`" for path in outputs.missing)
    return MissingOutput(f"declared as an output and not written: {shown}", hint="see what the command wrote: ls")


def _sealed(work: _Work, found: _Found, began: float) -> Record:
    """End the run in the journal."""
    executed = found.executed
    if executed.was_interrupted:
        status = "terminated"
    else:
        status = "failed" if executed.code or found.error is not None else "completed"
    took = {"resources/cpu_s": executed.cpu_s}
    if executed.peak_bytes is not None:
        took["resources/peak_bytes"] = float(executed.peak_bytes)

    seen = {_said(used) for used in found.artifacts}  # what was read through Python, too, is one input

    def ended(draft: Record) -> Record:
        metrics = {name: Summary(value, value, value, value, 1) for name, value in took.items()}
        return replace(
            draft,
            artifacts=(*(used for used in draft.artifacts if _said(used) not in seen), *found.artifacts),
            environment={**draft.environment, **found.environment},
            metrics={**draft.metrics, **metrics},
        )

    with_room(work.living, lambda: work.living.edit(ended))
    return _end(work.project, work.living, began, status=status, exit=executed.code)


def _said(used: Used) -> tuple[str, bytes | None, str | None, bytes]:
    return used.category, used.path, used.name, used.digest


def _end(project: Project, living: Living, began: float, *, status: str, exit: int | None) -> Record:
    facts = {"status": status, "exit": exit, "ended": datetime.now(UTC), "seconds": elapsed_s(began)}
    return with_room(living, lambda: end(project, living, facts))


def _placed(work: _Work, record: Record, made: Sequence[Made], branch: str | None) -> Placed:
    """Put record and pointers into the working tree, unless nobody wants that or something stands in the way."""
    wanted = work.project.config.text("runs.keep") or "all"
    if not work.asked.keep or wanted == "none" or (wanted == "outputs" and not made):
        return Placed((), "it was not to be kept in the working tree")
    try:
        with work.project.lock():
            return place(work.project, record, made, branch=branch, brings=work.asked.isolated)
    except TrackError as error:
        return not_placed(error)
