"""Passing: what is said of remotes that were passed over while another one gave what was needed, and of runs there."""

from collections.abc import Sequence

from track.cli.session import count_text, hint, note, warn
from track.flows.passed import Passed
from track.flows.run_sharing import Came
from track.model.names import display


def show_passed(passed: Sequence[Passed]) -> None:
    """Say which remotes were passed over, and why."""
    for one in passed:
        warn(f"`{display(one.name)}` ({display(one.url)}) was passed over: {display(one.why)}")
        for line in (one.hint or "").splitlines():
            hint(display(line))


def documents_of(passed: Sequence[Passed]) -> list[dict[str, str]]:
    """The same for a JSON document."""
    return [{"name": display(one.name), "url": display(one.url), "why": display(one.why)} for one in passed]


def note_shared(shared: Sequence[Came]) -> None:
    """Say how many runs others share at the remotes that were asked."""
    for came in shared:
        runs = count_text(came.runs_count, "run")
        note(f"{runs} shared at {display(came.remote)}" + (": track runs list --shared" if came.runs_count else ""))


def documents_of_shared(shared: Sequence[Came]) -> list[dict[str, object]]:
    """The same for a JSON document."""
    return [{"remote": display(one.remote), "runs": one.runs_count} for one in shared]
