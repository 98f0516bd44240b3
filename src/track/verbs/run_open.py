"""Run open: begin a run of the program that asks, which logs and saves to it by itself."""

import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from track.flows.run_code import LastCode
from track.flows.run_environment import environment_of
from track.flows.run_journal import journal_of
from track.flows.run_secrets import secrets_of
from track.flows.run_start import RUN_ID, Wishes, begin
from track.model.record import Record
from track.project import Project
from track.runs.holder import hold
from track.runs.journal import Living
from track.runs.observe import Python

__all__ = ["LastCode", "Opened", "run_open"]


class Opened(NamedTuple):
    """A living run that the program writes to; `branch` is the one that was checked out when it was opened.

    `is_outer` says that it is the run that started the program, and ends with that. `hidden` are values that are
    never written.
    """

    living: Living
    record: Record
    branch: str | None
    is_outer: bool
    hidden: tuple[str, ...]


def run_open(
    project: Project, wishes: Wishes | None = None, *, outer: str | None = None, last: LastCode | None = None
) -> Opened:
    """Begin a run, with this program's words and Python, durably; or take part in the living run `outer`.

    A run that is begun has the run of `TRACK_RUN_ID` as its parent. `last` knows the code of the one begun before.

    Raises:
        UsageError: a name, folder or fact that cannot be.
        DiskFull, StoreUnwritable: it cannot be kept.
    """
    journal = journal_of(project)
    living = journal.find_living(outer) if outer is not None else None
    branch, hidden = project.git.branch(), secrets_of(project)
    if living is not None:
        return Opened(living, living.record(), branch, True, hidden)
    wishes = wishes or Wishes()
    wishes = wishes._replace(parent=wishes.parent or os.environ.get(RUN_ID))
    words = tuple(getattr(sys, "orig_argv", None) or sys.argv)
    living = begin(project, wishes, words, last=last)
    hold(living.folder)
    facts = environment_of(project, _this_python())
    return Opened(living, living.edit(lambda draft: replace(draft, environment=facts)), branch, False, hidden)


def _this_python() -> Python:
    return Python(
        sys.implementation.name, platform.python_version(), tuple(sorted(_installed(sys.path))), sys.executable or ""
    )


def _installed(folders: Iterable[str]) -> set[str]:
    """The names and versions installed, by their `dist-info` folders, as `observe` has them of other programs."""
    names: set[str] = set()
    for folder in folders:
        try:
            names.update(name[:-10] for name in os.listdir(folder or ".") if name.endswith(".dist-info"))
        except OSError:
            continue
    return names
