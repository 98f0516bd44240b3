"""What is stale and why, as text and as documents."""

from track.model.names import called, display, name_of, text_of
from track.model.staleness import Cause, Stale


def reasons(one: Stale) -> list[str]:
    """Why an artifact is stale, a line each."""
    unfinished = [f"its run is {one.run.status}"] if one.is_unfinished else []
    return unfinished + [f"{display(called(cause.path))} {_what(cause)}" for cause in one.causes]


def document(one: Stale) -> dict[str, object]:
    """An artifact that is stale, as a document."""
    causes = [_cause(cause) for cause in one.causes]
    path, name = text_of(one.path), name_of(one.path)
    return {"path": path, "name": name, "run": one.run.id, "status": one.run.status, "causes": causes}


def _cause(cause: Cause) -> dict[str, object]:
    now = None if cause.now is None else str(cause.now)
    return {"path": text_of(cause.path), "name": name_of(cause.path), "was": str(cause.was), "now": now}


def _what(cause: Cause) -> str:
    if cause.is_stale_itself:
        return "is stale"
    return "is gone" if cause.now is None else f"was {cause.was.short}, is {cause.now.short}"
