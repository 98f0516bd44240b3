"""Shared runs: what is said of runs that others share at a remote."""

from collections.abc import Sequence

from track.cli import late
from track.cli.session import count_text, note
from track.model.names import display


def note_shared(shared: "Sequence[late.passed.Came]") -> None:
    """Say how many runs others share at the remotes that were asked."""
    for came in shared:
        runs = count_text(came.runs_count, "run")
        note(f"{runs} shared at {display(came.remote)}" + (": track runs list --shared" if came.runs_count else ""))


def documents_of_shared(shared: "Sequence[late.passed.Came]") -> list[dict[str, object]]:
    """The same for a JSON document."""
    return [{"remote": display(one.remote), "runs": one.runs_count} for one in shared]
