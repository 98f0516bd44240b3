"""Rerun stale: what is stale is made again, in the order of what came from what, like a build without a build file."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from track import publish
from track.errors import Locked, NotTrusted, TrackError, UsageError
from track.flows.rerunning import Changes, execute_again
from track.flows.run_consent import Ask, allow_commands, nobody
from track.flows.running import Asked, Ran
from track.flows.stale_paths import Standing, below_any, standing_after, standing_now
from track.flows.stale_steps import in_the_way, prepare
from track.locks import Lock
from track.model.names import display
from track.model.staleness import Step, steps
from track.progress import Progress, silent
from track.project import Project
from track.runs.command import Echo


class Outcome(NamedTuple):
    """What became of a step.

    `state`: `planned`, or `begun` while it is told; `made`; `spared`, as what it uses came out as it was; `failed`;
    `blocked`, as something stands in the way; `behind`, as it needs a step that was not made; `left`, as the work was
    ended before. `error` says why it is failed or blocked, `ran` what it came to; `behind` are the names of the runs
    that it needs.
    """

    step: Step
    state: str
    error: TrackError | None = None
    ran: Ran | None = None
    behind: tuple[str, ...] = ()


class Remade(NamedTuple):
    """What became of every step, in order; how many artifacts runs made; and what cannot be read."""

    outcomes: tuple[Outcome, ...]
    made_count: int
    refused: tuple[TrackError, ...]

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be done."""
        return all(one.state in ("made", "spared", "planned") for one in self.outcomes)


def _unheard(outcome: Outcome) -> None:
    """Tell nobody."""


def rerun_stale(
    project: Project,
    paths: Sequence[str] = (),
    asked: Asked | None = None,
    *,
    keep_going: bool = False,
    dry_run: bool = False,
    tell: Callable[[Outcome], None] = _unheard,
    echo: Echo,
    ask: Ask = nobody,
    progress: Progress = silent,
) -> Remade:
    """Execute the runs again whose results are stale, those of `paths` (none: all) with what these came from.

    What others use is made first. A step that came out as it was makes nothing behind it stale, and that is spared.
    What cannot be executed, and what needs that, is left out, and the rest is made. After a command that failed nothing
    more is begun; with `keep_going`, only what needs its results is left. `tell` hears of each step as it begins and
    ends. Each is a run of its own, whose record says which it did again. With `dry_run`, nothing is executed. Killed
    at any instant, what was made stays made, and the same again goes on. Commands that came with the repository are
    executed when they were allowed, or `ask` says so now; else each stands in the way of its step. One at a time works
    in a working tree, so that no step is executed twice.

    Raises:
        Locked: another one works here.
        UnknownPath: nothing is tracked at one of `paths`.
        UsageError: runs are not kept here, so that nothing would be up to date.
    """
    if project.config.text("runs.keep") == "none":
        raise UsageError(
            "`runs.keep` is none, so nothing would be up to date afterwards", hint="track config runs.keep outputs"
        )
    work = _Work(project, asked or Asked(), tell, echo, progress)
    if dry_run:
        return _remade(work, paths, keep_going, ask, dry_run=True)
    with _alone(project):
        return _remade(work, paths, keep_going, ask, dry_run=False)


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    """Hold what one at a time may, until the process ends at the latest."""
    publish.make_directories(project.worktree_state)
    with ExitStack() as held:
        try:
            held.enter_context(Lock(project.worktree_state / "rerun-stale.lock").exclusive(0.0))
        except Locked as error:
            raise Locked(
                f"another `track rerun --stale` works in this working tree: {error.message}",
                hint="wait for it to end: what it makes need not be made again",
            ) from None
        yield


def _remade(work: "_Work", paths: Sequence[str], keep_going: bool, ask: Ask, *, dry_run: bool) -> Remade:
    project, tell = work.project, work.tell
    standing = standing_now(project, past=True)  # what a step makes may be what a run before made
    plan = steps(standing.stale(), below_any(project, standing, paths))
    made_count = len(standing.makers)
    if not dry_run:
        with suppress(NotTrusted):  # what was not allowed stands in the way of its own step
            allow_commands(project, [step.run for step in plan], ask)
    trouble = {step.run.id: error for step, error in in_the_way(project, standing, plan)}
    outcomes: dict[str, Outcome] = {}
    for step in plan:
        outcome = _known(step, outcomes, trouble)
        if outcome is None and dry_run:
            outcome = Outcome(step, "planned")
        elif outcome is None and _is_over(outcomes.values(), keep_going):
            outcome = Outcome(step, "left")
        elif outcome is None:
            outcome, standing = _make(work, standing, step)
        outcomes[step.run.id] = outcome
        tell(outcome)
    return Remade(tuple(outcomes.values()), made_count, standing.refused)


class _Work(NamedTuple):
    project: Project
    asked: Asked
    tell: Callable[[Outcome], None]
    echo: Echo
    progress: Progress


def _known(step: Step, outcomes: dict[str, Outcome], trouble: dict[str, TrackError]) -> Outcome | None:
    """What is known of a step before it begins: it needs another, or something is in the way; else None."""
    needed = [outcomes[id] for id in sorted(step.after) if id in outcomes]
    behind = tuple(one.step.run.name for one in needed if one.state in ("failed", "blocked", "behind"))
    if step.run.id in trouble:
        return Outcome(step, "blocked", trouble[step.run.id])
    return Outcome(step, "behind", behind=behind) if behind else None


def _is_over(outcomes: Iterable[Outcome], keep_going: bool) -> bool:
    failed = [one for one in outcomes if one.state == "failed"]
    interrupted = any(one.ran is not None and one.ran.record.status == "terminated" for one in failed)
    return bool(failed) and (interrupted or not keep_going)


def _make(work: _Work, standing: Standing, step: Step) -> tuple[Outcome, Standing]:
    """Execute one step, unless nothing of it is stale any more; and how things stand then."""
    if not _still_stale(standing, step):
        return Outcome(step, "spared"), standing
    work.tell(Outcome(step, "begun"))
    try:
        ready = prepare(work.project, standing, step)
        asked = work.asked._replace(inputs=ready.inputs, outputs=ready.outputs)
        ran = execute_again(work.project, ready.again, Changes(), asked, echo=work.echo, progress=work.progress)
    except TrackError as error:
        return Outcome(step, "failed", error), standing
    after = standing_after(work.project, standing, ran.record)
    return Outcome(step, *_judged(step, ran, after), ran), after


def _judged(step: Step, ran: Ran, standing: Standing) -> tuple[str, TrackError | None]:
    """Whether what was executed made what it was to make; else why not."""
    name = display(step.run.name)
    if ran.code or ran.record.status != "completed":
        return "failed", TrackError(f"{name} again: its command ended with {ran.code}", hint=_shown(ran))
    if left := _still_stale(standing, step):
        why = ran.why_not or "what it used is not what the pointers say"
        paths = ", ".join(f"`{display(path)}`" for path in left)
        return "failed", TrackError(f"{name} again: {paths} is stale still: {why}", hint=_shown(ran))
    return "made", None


def _shown(ran: Ran) -> str:
    return f"see what is known of it: track runs show {ran.record.id}"


def _still_stale(standing: Standing, step: Step) -> list[bytes]:
    stale = {one.path for one in standing.stale()}
    return [one.path for one in step.stale if one.path in stale]
