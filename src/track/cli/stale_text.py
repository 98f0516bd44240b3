"""What is stale and why, as text and as documents."""

from track.model.names import display, text_of
from track.model.staleness import Cause, Stale


def reasons(one: Stale) -> list[str]:
    """Why an artifact is stale, a line each."""
    unfinished = [f"its run is {one.run.status}"] if one.is_unfinished else []
    return unfinished + [f"{display(cause.path)} {_what(cause)}" for cause in one.causes]


def document(one: Stale) -> dict[str, object]:
    """An artifact that is stale, as a document."""
    causes = [
        {"path": text_of(cause.path), "was": str(cause.was), "now": None if cause.now is None else str(cause.now)}
        for cause in one.causes
    ]
    return {"path": text_of(one.path), "run": one.run.id, "status": one.run.status, "causes": causes}


def _what(cause: Cause) -> str:
    if cause.is_stale_itself:
        return "is stale"
    return "is gone" if cause.now is None else f"was {cause.was.short}, is {cause.now.short}"
