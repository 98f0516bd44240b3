"""Run save: put files and objects into a living run, under names, as code, input or output."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from track.errors import UsageError
from track.flows import run_save as flow
from track.flows.run_save import Meant
from track.model.names import told
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
    metadata: Mapping[str, Any] | None = None,
) -> tuple[Used, ...]:
    """Save files, and all files below folders: all of them, or none when one cannot be. Durable when it returns.

    Each gets its own name, or its path from this folder with `preserve_path`, or `name` when it is the only one.
    `filetype` is the media type of all; else each has that of its suffix. `metadata` is said of each.

    Raises:
        UnknownPath: one of them is not there.
        UsageError: a category, type, name or fact that cannot be; two contents would have one name; or the run has
            ended.
        SpecialFile, ChangedWhileAdding, Unreadable: a file cannot be saved as it stands.
        DiskFull, StoreUnwritable: the store cannot take it.
    """
    meant = Meant(category, name, filetype, metadata or {}, preserve_path)
    given = [os.fsdecode(path) for path in paths]
    if name is not None and len(given) == 1:
        return (flow.save_file(project, living, given[0], meant),)
    return flow.save_all(project, living, given, meant)


def save_object(
    project: Project,
    living: Living,
    obj: object,
    category: str,
    name: str,
    *,
    allow_pickle: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> Used:
    """Save an object so that `get_artifact` gives the same again. Durable when it returns.

    Raises:
        NoFormat: no format keeps such an object, or only pickle, which was not allowed.
        UsageError: a category, name or fact that cannot be; the name stands for something else; or the run has ended.
        DiskFull, StoreUnwritable: the store cannot take it.
    """
    if not isinstance(name, str) or not name:
        raise UsageError(f"an object needs a name, not {told(name)}", hint="save_object(obj, category, 'x')")
    meant = Meant(category, name, metadata=metadata or {})
    return flow.save_object(project, living, obj, meant, allow_pickle=allow_pickle)
