"""How things fail: one tree of errors, each with a message, a hint and an exit code.

    TrackError                      1   expected failure
    ├── UsageError                  2   what was asked makes no sense
    │   ├── UnknownRevision             no such commit, tag or branch
    │   ├── UnknownPath                 no artifact or file of that name
    │   │   ├── UnknownFile             no file of that name in a version; a KeyError, too
    │   │   └── UnknownNumber           no sample of that number; an IndexError, too
    │   ├── UnknownRun                  no run, or more than one, of that name
    │   ├── NoFormat                    an object or content for which there is no format, or none that was allowed
    │   └── OutsideRepository           a path that is not in this repository
    ├── ProjectError                3   not a project, or bad configuration
    │   ├── NotARepository              no Git repository here, or a bare one
    │   ├── BadConfig                   a configuration file that cannot be read
    │   └── NewerFormat                 written by a later version of track
    ├── MissingObject               4   bytes that are neither here nor at a remote
    │   └── PurgedObject                bytes that were removed for good
    ├── RemoteError                 5   remote, network or credentials
    │   ├── NoRemote                    no remote is named
    │   ├── RemoteUnreachable           it did not answer, or is not there
    │   ├── BadCredentials              credentials that are missing, wrong or expired
    │   ├── NotTrusted                  the repository asks for it, and nobody here has allowed it
    │   └── NotAStore                   the place exists and is not a track store
    ├── Conflict                    6   would lose or mix up somebody's work
    │   ├── UnsavedWork                 a file whose content is saved nowhere
    │   ├── OutOfStep                   data of another version than its pointer names by now
    │   ├── ChangedWhileAdding          a file that changed while it was read
    │   ├── AlreadyInGit                a path that Git itself already tracks
    │   ├── InsideArtifact              a path inside another artifact
    │   ├── HistoryIncomplete           history or repositories of which not all can be read
    │   └── Locked                      another process holds the lock for too long
    ├── IntegrityError              7   bytes do not match their digest, or a path that may not be written
    │   ├── DamagedObject               an object or pack that is not what its name says
    │   ├── MalformedManifest           a manifest that breaks the rules of its format
    │   ├── MalformedPointer            a pointer that is not one
    │   │   └── ConflictedPointer   6       a pointer with the marks of a merge in it
    │   ├── MalformedRecord             a record of a run that is not one
    │   ├── MalformedContent            content that is not what its type says
    │   ├── MalformedSeries             an object of metrics or events that is not one
    │   └── ForbiddenPath               a path that leaves the working tree or reaches .git
    ├── NotAPointer                 1   a .track file that is somebody else's
    ├── SpecialFile                 1   a socket, device or pipe where a file was expected
    ├── Unreadable                  1   a file that may not or cannot be read
    ├── DiskFull                    1   no space, no inodes or no quota left
    ├── StoreUnwritable             1   a place that cannot be written
    ├── NameTooLong                 1   no room for a pointer beside the data
    ├── MissingOutput               1   an output of a run that was declared and not written
    ├── CommandNotFound             127 the command of a run, which is not there or may not be run
    └── GitFailed                   1   Git refused what track asked of it

Codes 0 (done), 70 (our bug), 130 and 141 (interrupted, closed pipe) belong to the command line alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class TrackError(Exception):
    """An expected failure: `message` says what happened to what, `hint` what to do next.

    `exit_code` is what the command line returns. `details` are further lines of evidence. A traceback shows all of
    them, and so does one that another process sent.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details
        self._said: list[str] = []

    @property
    def __notes__(self) -> list[str]:  # what a traceback prints below the message
        """The details and the hint, as the terminal shows them, and what `add_note` said."""
        hints = [f"hint: {line}" for line in (self.hint or "").splitlines()]
        return [*(f"  {line}" for line in self.details), *hints, *self._said]

    @__notes__.setter
    def __notes__(self, notes: list[str]) -> None:
        self._said = list(notes)

    def add_note(self, note: str) -> None:
        """Say one thing more below the message. Raises TypeError for what is no text."""
        if not isinstance(note, str):
            raise TypeError(f"note must be a str, not '{type(note).__name__}'")
        self._said.append(note)


class UsageError(TrackError):
    """What was asked makes no sense as it stands."""

    exit_code = 2


class UnknownRevision(UsageError):
    """A name that is no commit, tag or branch: `rev`, where the name itself is what is wrong."""

    def __init__(
        self, message: str, *, hint: str | None = None, details: tuple[str, ...] = (), rev: str | None = None
    ) -> None:
        super().__init__(message, hint=hint or ("git log --oneline --all" if rev else None), details=details)
        self.rev = rev


class UnknownPath(UsageError):
    """A name that is no artifact, pointer or file."""


class UnknownFile(UnknownPath, KeyError, FileNotFoundError):
    """No file of that name in a version; a KeyError and a FileNotFoundError too, for who knows mappings and files."""

    def __str__(self) -> str:
        """The message, which a KeyError would put into quotes."""
        return self.message


class UnknownNumber(UnknownPath, IndexError):
    """No file of that number in a data set; an IndexError too, for who walks through a list until there is no more."""


class UnknownRun(UsageError):
    """A name that is no run, or of more than one; `details` list them.

    `instead` is what was said and an id that can be said in its place, where there is one.
    """

    instead: tuple[str, str] | None = None


class NoFormat(UsageError):
    """An object or content for which there is no format, or only one that was not allowed or is not installed."""


class OutsideRepository(UsageError):
    """A path that does not lie in this repository, or lies in `.git` or `.store`."""


class ProjectError(TrackError):
    """Not a project, or bad configuration."""

    exit_code = 3


class NotARepository(ProjectError):
    """No Git repository with a working tree was found."""


class BadConfig(ProjectError):
    """A configuration file that cannot be read, or a value that cannot be."""


class NewerFormat(ProjectError):
    """Something written by a later version of track; it is refused, never guessed."""


class MissingObject(TrackError):
    """Bytes that are neither in the store nor at a remote that was asked."""

    exit_code = 4


class PurgedObject(MissingObject):
    """Bytes that were removed for good, with `track purge`; the message says when, by whom and why."""


class RemoteError(TrackError):
    """A remote, the network or credentials."""

    exit_code = 5


class NoRemote(RemoteError):
    """The project names no remote, or none of that name."""


class RemoteUnreachable(RemoteError):
    """The remote did not answer, or is not there."""


class BadCredentials(RemoteError):
    """Credentials for a remote that are missing, wrong or expired."""


class NotTrusted(RemoteError):
    """Something that the repository asks for, and that nobody here has allowed; `track trust` does."""


class NotAStore(RemoteError):
    """The place exists and is not a store of track."""


class Conflict(TrackError):
    """Going on would lose or mix up somebody's work."""

    exit_code = 6


class UnsavedWork(Conflict):
    """A file would be replaced or removed whose content is saved nowhere."""


class OutOfStep(Conflict):
    """Data is still the version that its pointer named before Git moved it; adding it would take a change back."""


class ChangedWhileAdding(Conflict):
    """A file changed while it was being read."""


class AlreadyInGit(Conflict):
    """Git itself already tracks the path."""


class InsideArtifact(Conflict):
    """The path lies inside another artifact, or another artifact lies inside it."""


class HistoryIncomplete(Conflict):
    """Commits, working trees or repositories that cannot be read, and may name what a collection would delete."""


class Locked(Conflict):
    """Another process held a lock for longer than we waited."""


class IntegrityError(TrackError):
    """Bytes that do not match their digest, or a path that may not be written."""

    exit_code = 7


class DamagedObject(IntegrityError):
    """An object, pack or index whose bytes are not what its name says."""


class MalformedManifest(IntegrityError):
    """A manifest that breaks the rules of its format."""


class MalformedPointer(IntegrityError):
    """A pointer that is not TOML, or whose values are impossible."""


class ConflictedPointer(MalformedPointer):
    """A pointer in which a merge left both sides, for somebody to take one."""

    exit_code = 6


class MalformedRecord(IntegrityError):
    """A record of a run that is not TOML, or whose facts cannot be."""


class MalformedSeries(IntegrityError):
    """An object of metrics or events that breaks the rules of its format."""


class NotAPointer(TrackError):
    """A `.track` file that is somebody else's: it does not begin with `[artifact]`."""


class MalformedContent(IntegrityError):
    """The content of an artifact that is not what its type says."""


class ForbiddenPath(IntegrityError):
    """A path that would leave the working tree, follow a link, or reach `.git`."""


class SpecialFile(TrackError):
    """A socket, device or pipe where a file, directory or link was expected."""


class Unreadable(TrackError):
    """A file or directory that may not or cannot be read."""


class DiskFull(TrackError):
    """No space, no inodes or no quota left on a filesystem."""


class StoreUnwritable(TrackError):
    """A store or folder that cannot be written."""


class NameTooLong(TrackError):
    """A name so long that no pointer fits beside it."""


class MissingOutput(TrackError):
    """An output that was declared for a run, and that its command did not write."""


class CommandNotFound(TrackError):
    """The command of a run is not there, or may not be run; the exit code is the shell's own for that."""

    exit_code = 127


class GitFailed(TrackError):
    """Git refused what was asked of it; `details` holds what it said."""


_NAMED = 20


def together(errors: Sequence[TrackError]) -> TrackError:
    """One error for several (at least one): the first of those with the highest exit code, naming the others too."""
    worst = max(errors, key=lambda error: error.exit_code)
    others = [error for error in errors if error is not worst]
    lines = [line for error in others[:_NAMED] for line in _lines_of(error)]
    more = (f"and {len(others) - _NAMED:,} more",) if len(others) > _NAMED else ()
    worst.details = (*worst.details, *lines, *more)
    return worst


@contextmanager
def naming_too(refused: Sequence[TrackError]) -> Iterator[None]:
    """What fails in the block is raised together with what was refused before it."""
    try:
        yield
    except TrackError as error:
        worst = together((error, *refused))
        if worst is error:
            raise
        raise worst from error


def _lines_of(error: TrackError) -> Iterator[str]:
    yield f"and {error.message}"
    yield from (f"  {line}" for line in error.details)
    yield from (f"  hint: {line}" for line in (error.hint or "").splitlines())
