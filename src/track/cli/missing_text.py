"""What of the history was not looked at, as in shallow and partial clones, and how to bring it."""

from track.cli.session import count_text, hint, note


def say_what_is_missing(is_cut: bool, absent_count: int) -> None:
    """Say that history before some commits is not here, or that pointers and records of it are not."""
    if is_cut:
        note("this clone is shallow: what was before its oldest commits is not looked at")
        hint("git fetch --unshallow")
    if absent_count:
        count = count_text(absent_count, "pointer or record", "pointers and records")
        note(f"not in this partial clone, and so not looked at: {count}")
        hint("git fetch --refetch --no-filter")
