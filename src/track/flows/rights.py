"""Rights: all that is refused at a place is said at once, and not one right after the other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from track.errors import RemoteError, TrackError
from track.store.address import Access, Address, Folder
from track.store.backends.opening import open_place
from track.store.trial import Step, try_place

_ITSELF = "track remote check   "
_ELSEWHERE = "   to see all that is allowed"


@contextmanager
def telling_rights(address: Address, access: Access, again: str, *, writes: bool) -> Iterator[None]:
    """What a place refuses in the block is raised with every right that is lacking there; `again` is what to type then.

    Only what may be a matter of rights is tried further; with `writes`, with a small object that is deleted again.
    """
    try:
        yield
    except RemoteError as error:
        if type(error) is RemoteError and not isinstance(address, Folder) and _ELSEWHERE in (error.hint or ""):
            _tell(error, try_place(open_place(address, access), writes=writes).steps, again)
        raise


def _tell(error: RemoteError, steps: Sequence[Step], again: str) -> None:
    tried = ", ".join(f"{step.name} {step.told}" for step in steps)
    lacking = dict.fromkeys(_asked_of_owner(step.problem) for step in steps if step.problem is not None)
    hints = [hint for hint in (lacking or {_asked_of_owner(error): None}) if hint]
    error.details = (*error.details, f"what was tried: {tried}")
    error.hint = "\n".join((*hints, f"then again: {again}"))


def without_circle(problems: Sequence[TrackError]) -> None:
    """Take the way to the check of all rights out of the hints of that check itself."""
    for problem in problems:
        lines = _asked_of_owner(problem).splitlines()
        problem.hint = "\n".join(line for line in lines if not line.startswith(_ITSELF)) or None


def _asked_of_owner(problem: TrackError) -> str:
    return (problem.hint or "").partition(_ELSEWHERE)[0]
