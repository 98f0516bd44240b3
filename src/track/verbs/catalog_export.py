"""Catalog export: versions, runs, edges and metrics as Parquet, for engines that query many repositories together."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from track import publish
from track.flows.catalogued import catalog_of
from track.flows.export_place import (
    Identity,
    address_of,
    identity_of,
    open_for_export,
    own_keys,
    refuse_alike,
    send,
    staged,
)
from track.flows.exporting import EVERYTHING, pour
from track.formats.known import need_tables, table_writer
from track.history.catalog_view import Unreadable, View
from track.locks import Lock
from track.model.tables import TABLES
from track.progress import Progress, silent
from track.project import Project
from track.store.address import Access
from track.system import naming


class ExportedTable(NamedTuple):
    """A table that was written: its name, where its file is below the place, its rows, and its size in bytes."""

    name: str
    key: str
    rows_count: int
    size: int


@dataclass(frozen=True, slots=True)
class CatalogExported:
    """What was written, and what would be in a dry run, without sizes.

    `unreadable` are pointers and records that break their format, which are left out; `is_cut` says that history before
    some commits is not here.
    """

    url: str
    repository: str
    tables: tuple[ExportedTable, ...]
    unreadable: tuple[Unreadable, ...]
    is_cut: bool
    alike: tuple[str, ...]


class _Counter:
    """Takes the rows of a table and keeps none."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, row: tuple[Any, ...]) -> None:
        del row
        self.count += 1


class _Poured(NamedTuple):
    counts: Mapping[str, int]
    unreadable: tuple[Unreadable, ...]
    is_cut: bool


def catalog_export(
    project: Project,
    target: str,
    *,
    repository: str | None = None,
    access: Access | None = None,
    dry_run: bool = False,
    progress: Progress = silent,
) -> CatalogExported:
    """Write what the catalog knows into a folder or behind a URL, a file for each table; see `model.tables`.

    The repository is called `repository` there, else after its first commit. Files of other repositories stay, its own
    are replaced, each whole. Killed, it leaves old files and new ones, and the same command again writes all of them.
    `access` says how a bucket of S3 is reached.

    Raises:
        UsageError: the place is none, lies in this repository or cannot be written; or nothing names the repository.
        NoFormat: the library that writes Parquet is not installed.
        Conflict: there is something else than exports, or the files of another repository of this name; or this one is
            there under another name, and none is given.
        RemoteError: the place does not answer, or refuses.
        Locked: another export of this clone takes too long.
        DiskFull, StoreUnwritable: it cannot be written.
    """
    need_tables()
    way = access or Access()
    address = address_of(project, target, way)
    identity = identity_of(project, repository)
    place, alike = found = open_for_export(address, way, identity, make=not dry_run)
    if repository is None:
        refuse_alike(identity, found, address)
    keys = own_keys(identity)
    if dry_run or place is None:
        poured = _counted(project, identity)
        sizes = dict.fromkeys(keys, 0)
    else:
        publish.make_directories(project.state)
        alone = Lock(project.state / "export.lock").exclusive(project.config.seconds("lock.timeout"))
        with alone, staged(project) as folder:
            files = {key: folder / f"{table.name}.parquet" for key, table in zip(keys, TABLES, strict=True)}
            poured = _written(project, identity, folder)
            sizes = {key: path.stat().st_size for key, path in files.items()}
            send(place, address, files, progress)
    tables = [
        ExportedTable(table.name, key, poured.counts[table.name], sizes[key])
        for key, table in zip(keys, TABLES, strict=True)
    ]
    return CatalogExported(str(address), identity.name, tuple(tables), poured.unreadable, poured.is_cut, alike)


def _counted(project: Project, identity: Identity) -> _Poured:
    def count(view: View) -> _Poured:
        sinks = {table.name: _Counter() for table in TABLES}
        pour(project, view, identity.name, sinks, datetime.now(UTC))
        return _Poured({name: sink.count for name, sink in sinks.items()}, tuple(view.unreadable()), view.is_cut())

    return catalog_of(project).ask(EVERYTHING, count)


def _written(project: Project, identity: Identity, folder: Path) -> _Poured:
    """Write the files into a folder, from one view; from the start where the question has to be asked again."""
    said = {"repository": identity.name, "root": identity.root}

    def write(view: View) -> _Poured:
        sinks = {}
        with naming(folder), ExitStack() as opened:
            for table in TABLES:
                path = folder / f"{table.name}.parquet"
                path.unlink(missing_ok=True)
                stream = opened.enter_context(os.fdopen(publish.create(path), "wb"))
                sinks[table.name] = table_writer(stream, table, said)
            pour(project, view, identity.name, sinks, datetime.now(UTC))
            for sink in sinks.values():
                sink.close()
        return _Poured({name: sink.count for name, sink in sinks.items()}, tuple(view.unreadable()), view.is_cut())

    return catalog_of(project).ask(EVERYTHING, write)
