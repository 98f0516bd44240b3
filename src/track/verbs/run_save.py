"""Run save: put files and objects into a living run, under names, as code, input or output."""

import os
from collections.abc import Iterable

from track.errors import UsageError
from track.flows.run_save import check_category, check_type, item_of, items_in, save_content, save_files
from track.formats.known import encode
from track.model.digest import digest_of
from track.model.names import display
from track.model.record import Used
from track.project import Project
from track.runs.journal import Living

AnyPath = str | os.PathLike[str]


def run_save(
    project: Project,
    living: Living,
    paths: Iterable[AnyPath],
    category: str,
    *,
    filetype: str | None = None,
    preserve_path: bool = False,
    name: str | None = None,
) -> tuple[Used, ...]:
    """Save files, and all files below folders: all of them, or none when one cannot be. Durable when it returns.

    Each gets its own name, or its path from this folder with `preserve_path`, or `name` when it is the only one.
    `filetype` is the media type of all; else each has that of its suffix.

    Raises:
        UnknownPath: one of them is not there.
        UsageError: a category, type or name that cannot be; two contents would have one name; or the run has ended.
        SpecialFile, ChangedWhileAdding, Unreadable: a file cannot be saved as it stands.
        DiskFull, StoreUnwritable: the store cannot take it.
    """
    chosen, kind = check_category(category), check_type(filetype)
    items = []
    for path in paths:
        if name is None and os.path.isdir(path):
            items += items_in(path, preserve_path=preserve_path)
        else:
            items.append(item_of(path, preserve_path=preserve_path, name=name))
    return save_files(project, living, items, chosen, kind)


def save_object(
    project: Project, living: Living, obj: object, category: str, name: str, *, allow_pickle: bool = False
) -> Used:
    """Save an object so that `get_artifact` gives the same again. Durable when it returns.

    Raises:
        NoFormat: no format keeps such an object, or only pickle, which was not allowed.
        UsageError: a category or name that cannot be; the name stands for something else; or the run has ended.
        DiskFull, StoreUnwritable: the store cannot take it.
    """
    chosen = check_category(category)
    if not isinstance(name, str) or not name:
        raise UsageError(
            f"an object needs a name, not {display(repr(name)[:80])}", hint="save_object(obj, category, 'x')"
        )
    encoded = encode(obj, allow_pickle=allow_pickle)
    used = Used(chosen, digest_of(b""), 0, name=name, type=encoded.type, how="api")
    return save_content(project, living, encoded.content, used)
