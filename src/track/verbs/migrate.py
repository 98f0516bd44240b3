"""Migrate: bring a project to the latest format; today there is only one."""

from collections.abc import Sequence
from dataclasses import dataclass

from track.config import FORMAT
from track.flows.migration import STEPS, Kind, Step, carry_out, plan
from track.project import Project


@dataclass(frozen=True, slots=True)
class MigratedFile:
    """A file that went from one format to another; the path is from the top, or absolute for the store."""

    kind: Kind
    path: bytes
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was looked at and what was changed (in a dry run: would be), in its order; `staged` are in Git's index."""

    format: int
    stores_count: int
    pointers_count: int
    files: tuple[MigratedFile, ...]
    staged: tuple[bytes, ...]
    is_dry: bool


def migrate(project: Project, *, stage: bool = True, dry_run: bool = False, steps: Sequence[Step] = STEPS) -> Migrated:
    """Bring store, pointers and committed configuration to the format that the `steps` lead to.

    Everything new is made and checked before the first file is replaced. Interrupted, some files are of the new
    format; the same call does the rest.

    Raises:
        NewerFormat: something is of a later format than this version knows.
        MalformedPointer, NotAStore, BadConfig: something cannot be read; nothing was changed.
        Locked, DiskFull, StoreUnwritable, GitFailed: it could not be written or staged.
    """
    with project.lock():
        planned = plan(project, steps)
        staged = () if dry_run else carry_out(project, planned, stage=stage)
    return Migrated(
        format=max((FORMAT, *(step.source + 1 for step in steps))),
        stores_count=planned.store_count,
        pointers_count=planned.pointers_count,
        files=tuple(MigratedFile(*change[:4]) for change in planned.changes),
        staged=staged,
        is_dry=dry_run,
    )
