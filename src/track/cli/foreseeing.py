"""What a dry run says would come from remotes, as lines and as JSON."""

from collections.abc import Iterable

from track.cli import late
from track.cli.session import count_text, emit, note, size_text
from track.model.names import display


def show_foreseen(foreseen: "Iterable[late.receive.Foreseen]") -> None:
    """A line for each version of which something would be fetched."""
    for one in foreseen:
        if one.objects_count:
            files = f"{count_text(one.files_count, 'file')}, " if one.files_count is not None else ""
            what = f"{files}{count_text(one.objects_count, 'object')}, {size_text(one.size)}"
            emit(f"{display(one.path)}  {what}, would be fetched")


def note_foreseen(count: int, size_bytes: int, remotes: Iterable[tuple[str, str]]) -> None:
    """How much it would be together, and from where; what travels is less where packs are compressed."""
    places = " and ".join(f"{display(name)} ({display(url)})" for name, url in remotes)
    note(f"{count_text(count, 'object')}, {size_text(size_bytes)}, would be fetched from {places} (--dry-run)")


def documents_foreseen(foreseen: "Iterable[late.receive.Foreseen]") -> list[dict[str, object]]:
    """The same as JSON."""
    return [
        {"path": display(one.path), "files": one.files_count, "objects": one.objects_count, "size": one.size}
        for one in foreseen
        if one.objects_count
    ]
