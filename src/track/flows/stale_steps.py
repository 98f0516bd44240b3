"""Stale steps: what stands in the way of executing a run again so that what it made is up to date."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from track.errors import TrackError, UnknownPath, UnsavedWork, UsageError
from track.flows.look import Look, look
from track.flows.pointers import exists, owner_of
from track.flows.rerunning import Again, again, as_declared
from track.flows.run_consent import allow_commands
from track.flows.stale_paths import Standing
from track.model.names import display, is_named_pointer, typed
from track.model.record import Record, Used
from track.model.staleness import Step
from track.project import Project


class Prepared(NamedTuple):
    """A step that nothing stands in the way of: what is executed, and what is declared for it."""

    again: Again
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def prepare(project: Project, standing: Standing, step: Step, made: Collection[bytes] = ()) -> Prepared:
    """Look whether a step can be executed here and now; `made` are paths that steps before it will have made.

    All that the run used or made is declared, so that no step is lost from sight where nothing observes.

    Raises:
        UsageError: its command is not known, its folder is gone, or it cannot be done twice.
        UnknownPath: what it needs is not tracked any more, or not here.
        UnsavedWork: what it uses or would replace has changes that were not added.
        NotTrusted: its command came with the repository, and nobody here has allowed it.
        ForbiddenPath: its record says that it stood outside of the repository.
    """
    run = step.run
    if step.circle:
        raise UsageError(
            f"the runs {', '.join(map(display, step.circle))} use each other's results in a circle",
            hint=f"do them by hand until nothing changes any more: track rerun {run.id}",
        )
    one = again(project, run)
    allow_commands(project, [run])
    outputs = {used.path for used in run.of("output")}
    inputs = [used for used in run.of("input") if used.path is not None and used.path not in outputs]
    _check_in_place(run, outputs)
    _check_outputs(project, standing, run)
    for used in inputs:
        if used.path not in made:
            _check_input(project, standing, used)
    known = [used for used in inputs if _is_tracked(project, standing, used)]
    kept = [used for used in run.of("output") if used.how == "declared" or used.path in standing.pointers]
    return Prepared(one, as_declared(project, known), as_declared(project, kept))


def _check_in_place(run: Record, outputs: Collection[bytes | None]) -> None:
    for used in run.of("input"):
        if used.how == "declared" and used.path in outputs:
            raise UsageError(
                f"run {display(run.name)} changed `{used.called}` in place, which cannot be done twice to the same end",
                hint=f"if you want it twice: track rerun {run.id}",
            )


def _check_outputs(project: Project, standing: Standing, run: Record) -> None:
    """Nothing that somebody else made, and nothing that is saved nowhere, may be replaced."""
    for used in run.of("output"):
        pointer = standing.pointers.get(used.path) if used.path is not None else None
        if used.path is None or pointer is None:
            continue
        if pointer.digest != used.digest:
            raise UnsavedWork(
                f"run {display(run.name)} would write `{used.called}` again, which is another than it made by now",
                hint=f"if it is to be replaced: track rerun {run.id}",
            )
        seen = None if is_named_pointer(used.path) else look(project, used.path, pointer)
        if seen is not None and seen.state in ("M", "?"):
            raise UnsavedWork(
                f"`{used.called}` would be made again, and {_what(seen)}",
                hint=f"keep it: track add {typed(used.path)}      give it up: track checkout {typed(used.path)}",
            )


def _check_input(project: Project, standing: Standing, used: Used) -> None:
    assert used.path is not None
    if not _is_tracked(project, standing, used):
        if used.how != "declared":
            return  # it may do without: what it opens now is noticed again
        name = typed(used.path)
        raise UnknownPath(
            f"`{used.called}`, which it used, is not tracked any more",
            hint=f"have it again: track checkout REV -- {name}      its versions: track log {name}",
        )
    if is_named_pointer(used.path):
        return  # it has no working copy
    pointer = standing.pointers.get(used.path)
    seen = look(project, used.path, pointer) if pointer is not None else None
    if not exists(project, used.path) or (seen is not None and (seen.state == "D" or seen.absent_count)):
        how = "only in part" if exists(project, used.path) else "not"
        raise UnknownPath(f"`{used.called}` is {how} here", hint=f"bring it: track pull {typed(used.path)}")
    if seen is not None and seen.state != ".":
        raise UnsavedWork(
            f"`{used.called}` {_what(seen)}",
            hint=f"use it as it is: track add {typed(used.path)}      give it up: track checkout {typed(used.path)}",
        )


def _is_tracked(project: Project, standing: Standing, used: Used) -> bool:
    assert used.path is not None
    return used.path in standing.pointers or owner_of(project, used.path) is not None


def _what(seen: Look) -> str:
    if seen.state == "?":
        return f"cannot be read: {seen.trouble}"
    return "is another version than its pointer says" if seen.state == "S" else "has changes that were not added"


def in_the_way(project: Project, standing: Standing, steps: Collection[Step]) -> Iterator[tuple[Step, TrackError]]:
    """What stands in the way of each step, for those that something does, if those before it are done."""
    made: set[bytes] = set()
    for step in steps:
        try:
            prepare(project, standing, step, made)
        except TrackError as error:
            yield step, error
        made |= {one.path for one in step.stale}
