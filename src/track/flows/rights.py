"""Rights: all that is refused at a place is said at once, and not one right after the other."""

from collections.abc import Sequence

from track.errors import RemoteError, TrackError
from track.store.address import Access, Address, Folder
from track.store.backends.opening import open_place
from track.store.trial import try_place

_ELSEWHERE = "   to see all that is allowed"


def tell_rights(error: RemoteError, address: Address, access: Access, again: str) -> None:
    """Have the error of a place that refused something say every right that is lacking; `again` is what to type then.

    Only what may be a matter of rights is tried further, with a small object that is deleted again.
    """
    if type(error) is not RemoteError or isinstance(address, Folder) or _ELSEWHERE not in (error.hint or ""):
        return
    steps = try_place(open_place(address, access)).steps
    tried = ", ".join(f"{step.name} {step.told}" for step in steps)
    lacking = dict.fromkeys(_asked_of_owner(step.problem) for step in steps if step.problem is not None)
    hints = [hint for hint in (lacking or {_asked_of_owner(error): None}) if hint]
    error.details = (*error.details, f"what was tried: {tried}")
    error.hint = "\n".join((*hints, f"then again: {again}"))


def without_circle(problems: Sequence[TrackError]) -> None:
    """Take the way to the check of all rights out of the hints of that check itself."""
    for problem in problems:
        problem.hint = _asked_of_owner(problem) or None


def _asked_of_owner(problem: TrackError) -> str:
    return (problem.hint or "").partition(_ELSEWHERE)[0]
