"""What `track rerun --stale` says: each step as it begins and ends, or the plan, and what is left in the end."""

import shlex
from typing import NamedTuple

import click

from track.cli import late, ran_text
from track.cli.session import count_text, emit, emit_json, note, refuse
from track.cli.stale_text import document, reasons
from track.errors import TrackError
from track.model.names import called, display


class Shown(NamedTuple):
    """How it is shown: whether only the plan is, and as a document."""

    is_dry: bool
    as_json: bool

    def tell(self, outcome: "late.rerun_stale.Outcome") -> None:
        """Say what became of a step."""
        if self.as_json:
            return
        if self.is_dry:
            _plan(outcome)
        elif outcome.state == "begun":
            note(f"{_paths(outcome)}: as run {_run(outcome)}: {_command(outcome)}")
        else:
            if outcome.ran is not None:
                ran_text.say(outcome.ran)
            if outcome.state in _ENDS:
                note(f"{_paths(outcome)}: {_ENDS[outcome.state]}{_behind(outcome)}")

    def close(self, done: "late.rerun_stale.Remade") -> None:
        """Say what it came to, and end with the errors of what was not made."""
        if self.as_json:
            emit_json("rerun", {"steps": [_document(one) for one in done.outcomes]})
        elif not done.outcomes:
            note(f"nothing is stale: {count_text(done.made_count, 'artifact')} that runs made")
        else:
            note(_summary(done, self.is_dry))
        for one in done.outcomes:
            if one.ran is not None and one.ran.record.status == "terminated":
                raise click.exceptions.Exit(one.ran.code)
        refuse([*(one.error for one in done.outcomes if one.error is not None), *done.refused])


_ENDS = {
    "spared": "up to date after all, as what it uses came out as it was",
    "failed": "not made",
    "blocked": "left",
    "behind": "left",
    "left": "left",
}


def _plan(outcome: "late.rerun_stale.Outcome") -> None:
    emit(f"{_paths(outcome)}  as run {_run(outcome)}")
    emit(f"  {_command(outcome)}")
    for reason in dict.fromkeys(reason for one in outcome.step.stale for reason in reasons(one)):
        emit(f"  {reason}")
    if outcome.error is not None:
        emit(f"  cannot be made: {outcome.error.message}")
    elif outcome.behind:
        emit(f"  cannot be made{_behind(outcome)}")


def _behind(outcome: "late.rerun_stale.Outcome") -> str:
    return f", as it uses what {', '.join(map(display, outcome.behind))} made" if outcome.behind else ""


def _summary(done: "late.rerun_stale.Remade", is_dry: bool) -> str:
    counts = {state: sum(one.state == state for one in done.outcomes) for state in ("planned", "made", "spared")}
    other = len(done.outcomes) - sum(counts.values())
    begin = (
        f"{count_text(counts['planned'], 'run')} to execute"
        if is_dry
        else f"{count_text(counts['made'], 'run')} executed"
    )
    spared = f", {counts['spared']:,} spared" if counts["spared"] else ""
    return begin + spared + (f", {other:,} not made" if other else "")


def _paths(outcome: "late.rerun_stale.Outcome") -> str:
    return ", ".join(display(called(one.path)) for one in outcome.step.stale)


def _run(outcome: "late.rerun_stale.Outcome") -> str:
    return f"{display(outcome.step.run.name)} ({outcome.step.run.short})"


def _command(outcome: "late.rerun_stale.Outcome") -> str:
    return display(shlex.join(outcome.step.run.command)) or "no command"


def _document(outcome: "late.rerun_stale.Outcome") -> dict[str, object]:
    run, error = outcome.step.run, outcome.error
    return {
        "run": run.id,
        "name": run.name,
        "command": list(run.command),
        "state": outcome.state,
        "error": None if error is None else _error(error),
        "after": sorted(outcome.step.after),
        "artifacts": [document(one) for one in outcome.step.stale],
    }


def _error(error: TrackError) -> dict[str, object]:
    return {"error": type(error).__name__, "message": error.message, "hint": error.hint}
