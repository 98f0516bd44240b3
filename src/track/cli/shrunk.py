"""How it is told that the local store was kept within its budget, and why it is not when it could not be."""

from track.cli import late
from track.cli.passing import documents_of, show_passed
from track.cli.session import count_text, emit, hint, note, progress, size_text, table, warn
from track.errors import TrackError
from track.model.names import display

_SHOWN = 20
SENDING = "git rev-list --all | xargs track push REMOTE      sends every version of the history"
"""How versions of the past get to a remote: a push sends what tips name, and the hook of `git push` what is new."""


def stay_within(project: "late.project.Project") -> None:
    """After a command that reached remotes: make the store fit `store.max_size`; what fails then fails no command."""
    try:
        done = late.shrink.shrink(project, quick=True, progress=progress())
    except TrackError as error:
        warn(f"the local store is larger than store.max_size, and stays so: {error.message}")
        return
    if done is not None:
        _show_rest(done, _went(done))


def show_shrunk(done: "late.shrink.Shrunk") -> None:
    """As the outcome of a command of its own."""
    if line := _went(done):
        emit(line)
    _show_leaving(done)
    _show_rest(done, None)


def _show_leaving(done: "late.shrink.Shrunk") -> None:
    """Of a dry run, of which versions the objects are."""
    table([
        ["", display(one.path), one.digest.short, size_text(one.size), one.named_by[:12]]
        for one in done.leaving[:_SHOWN]
    ])  # fmt: skip
    if len(done.leaving) > _SHOWN:
        note(f"and {len(done.leaving) - _SHOWN:,} more versions: --json names all")


def _went(done: "late.shrink.Shrunk") -> str | None:
    if not done.objects_count:
        return None
    names = " and ".join(f"`{display(name)}`" for name in done.asked)
    has = "has them" if len(done.asked) == 1 else "have them"
    if len(done.asked) > done.copies:  # which of them is another matter for each object
        names, has = f"at least {done.copies} of {names}", f"{'has' if done.copies == 1 else 'have'} each of them"
    left = "would leave" if done.is_dry else "left"
    count = count_text(done.objects_count, "object")
    return (
        f"{count}, {size_text(done.object_bytes)}, {left} the local store, which may "
        f"take {size_text(done.budget_bytes)}: {names} {has}"
    )


def _show_rest(done: "late.shrink.Shrunk", line: str | None) -> None:
    if line is not None:
        note(line)
    if done.unheld_count:
        count = count_text(done.unheld_count, "object")
        note(
            f"{count}, {size_text(done.unheld_bytes)}, stay: fewer than {count_text(done.copies, 'remote')} "
            "verifiably hold them"
        )
        hint(SENDING)
    if done.over_bytes and not done.unheld_count:
        note(f"the local store takes {size_text(done.over_bytes)} more than it may: that is what is in use")
    show_passed(done.passed)


def document_of_shrunk(done: "late.shrink.Shrunk | None") -> dict[str, object] | None:
    """The same for `--json`."""
    if done is None:
        return None
    return {
        "budget_bytes": done.budget_bytes,
        "before_bytes": done.before_bytes,
        "over_bytes": done.over_bytes,
        "objects": done.objects_count,
        "object_bytes": done.object_bytes,
        "file_bytes": done.file_bytes,
        "copies": done.copies,
        "unheld": {"objects": done.unheld_count, "bytes": done.unheld_bytes},
        "remotes": list(done.asked),
        "passed": documents_of(done.passed),
        "leaving": [
            {
                "path": display(one.path),
                "digest": str(one.digest),
                "named_by": one.named_by,
                "objects": one.objects_count,
                "bytes": one.size,
            }
            for one in done.leaving
        ],
    }
