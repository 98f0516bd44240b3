"""The catalog: every version and record in the history as an index, derived from Git and brought up to date from it.

    with Catalog(git, common_dir / "track" / "catalog.db") as catalog:
        found = catalog.ask(Scope(), lambda view: list(view.pointers()))

A `Scope` says where to look: what stands in the working tree, at a revision or at every ref, or all that was ever
there (`history`). `ask` brings the file up to date and gives a `View` of it, which stays the same until the question
is answered, whatever other processes write. No data is read, only Git.

The file may be deleted at any time. A damaged one, or one of another version, is built again; one that is locked for
too long, or in a place that may not be written, is left alone and everything is built in memory for once.
"""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from track.errors import Locked, TrackError
from track.history import catalog_file, catalog_rows, catalog_tips, catalog_worktree, late
from track.history.catalog_here import Standing, differing, standing_at
from track.history.catalog_tips import Tips
from track.history.catalog_view import View
from track.history.plumbing import Git
from track.locks import Lock
from track.work import Threads

Answer = TypeVar("Answer")
WAIT_S = 60.0
"""So long another process may build the catalog before this one builds its own in memory."""
_TRIES = 5


class Scope(NamedTuple):
    """Where to look.

    Without `rev` in the working tree, else at that revision; with `every` at every ref as well. With `history` also at
    what was there in the commits that HEAD, `rev` or every ref reach.
    """

    rev: str | None = None
    every: bool = False
    history: bool = False


class Catalog:
    """The catalog of one repository, kept in the file `path`. One thread at a time."""

    def __init__(self, git: Git, path: Path, *, wait_s: float = WAIT_S) -> None:
        """Nothing is opened or read before the first question."""
        self._git = git
        self._path = path
        self._wait_s = wait_s
        self._database: sqlite3.Connection | None = None
        self.is_kept = True
        """Whether it is in its file; it is in memory where that cannot be used."""

    def __enter__(self) -> "Catalog":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def ask(self, scope: Scope, question: Callable[[View], Answer]) -> Answer:
        """The answer of `question`, which gets a view of what `scope` says, and has to have read all it needs.

        It is asked again, from the start, when the file turns out to be damaged.

        Raises:
            UnknownRevision: there is no such commit.
            GitFailed: the history cannot be read.
        """
        for _ in range(2):
            try:
                return self._ask(scope, question)
            except sqlite3.OperationalError:
                if not self.is_kept:
                    raise
                self._leave_file()
            except sqlite3.DatabaseError:
                self.close()
                if self.is_kept:
                    catalog_file.removed(self._path)
        self._leave_file()
        return self._ask(scope, question)

    def _ask(self, scope: Scope, question: Callable[[View], Answer]) -> Answer:
        commits = self._commits_of(scope)
        standing = self._standing(scope, commits)
        with Threads(1) as threads:
            laid_over = threads.submit(differing, self._git) if scope.rev is None else None
            self._opened()
            # A revision may be younger than the refs that were asked for ahead; what is checked out is added to them.
            tips = catalog_tips.tips_of(self._git, is_early=scope.rev is None)
            replaced, here = (set(), []) if laid_over is None else laid_over.result()
        for _ in range(_TRIES):
            database = self._up_to_date(tips)
            worktree = catalog_worktree.put_worktree(database, self._git) if scope.rev is None else None
            catalog_worktree.put_standing(database, self._git, [*standing, *here])
            database.execute("BEGIN")
            try:
                if catalog_tips.written_tips(database) == tips:
                    view = View(database, self._git)
                    view.choose_standing(standing, here, worktree, replaced)
                    if scope.history:
                        view.choose_history(sorted(commits or tips.commits))
                    return question(view)
            finally:
                with suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
            tips = catalog_tips.tips_of(self._git)  # another process went on meanwhile
        raise sqlite3.OperationalError("the refs move all the time")

    def _commits_of(self, scope: Scope) -> frozenset[str]:
        """The commits that are looked at besides the working tree; none stands for every ref."""
        if scope.every:
            return frozenset()
        if scope.rev is not None:
            return frozenset((self._git.resolve(scope.rev),))
        head = self._git.head()
        return frozenset(() if head is None else (head,))

    def _standing(self, scope: Scope, commits: frozenset[str]) -> list[Standing]:
        """What stands at commits; with history it is among what they reach."""
        if scope.history or not (scope.every or scope.rev is not None):
            return []
        return standing_at(self._git, sorted(commits or catalog_tips.tips_of(self._git).commits))

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            self._database, self.is_kept = catalog_file.opened(self._path)
        return self._database

    def _up_to_date(self, tips: Tips) -> sqlite3.Connection:
        """The database, brought up to these tips."""
        database = self._opened()
        if catalog_rows.lacks(database):
            late.look_again(database, self._git)
        if catalog_tips.written_tips(database) == tips:
            return database
        if not self.is_kept:
            late.fill(database, self._git, tips)
            return database
        try:
            with Lock(self._path.with_name(self._path.name + ".lock")).exclusive(self._wait_s):
                if catalog_tips.written_tips(database) != tips:  # another process may have been faster
                    late.fill(database, self._git, tips)
        except (Locked, OSError, TrackError) as error:
            if isinstance(error, TrackError) and not isinstance(error, Locked):
                raise
            raise sqlite3.OperationalError(str(error)) from error
        return database

    def _leave_file(self) -> None:
        self.close()
        self._database, self.is_kept = catalog_file.in_memory(), False
