"""Clone: clone a Git repository, set this clone up, and bring its data."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from track.errors import TrackError, UsageError, naming_too
from track.flows import settings
from track.flows.bring import bring
from track.flows.passed import Passed
from track.flows.reach import Version, errors_of, versions_here
from track.flows.receive import receive
from track.here import absolute
from track.history import drivers, gitrepo, hooks
from track.history.plumbing import Git
from track.model.names import display, typed
from track.model.secrets import without_keys
from track.progress import Progress, silent
from track.project import Project, is_set_up


@dataclass(frozen=True, slots=True)
class Cloned:
    """What a clone did. `root` is the new working tree; `is_project` says that track is set up in it.

    `remotes` are (name, URL) of those that were asked for data; sizes in bytes, as they travelled. `placed` are the
    artifacts whose files were put in place, with what was written for each; with `dry_run`, those that would be, and
    the bytes are those of the objects, of which there are `objects_count`. `refused` says which pointers could not be
    read; the data of all others came. `passed` are remotes that could not be used, or of which something was damaged.
    """

    root: Path
    is_project: bool
    artifacts_count: int = 0
    remotes: tuple[tuple[str, str], ...] = ()
    fetched_bytes: int = 0
    placed: tuple[tuple[bytes, int], ...] = ()
    warnings: tuple[str, ...] = ()
    refused: tuple[TrackError, ...] = ()
    passed: tuple[Passed, ...] = ()
    dry_run: bool = False
    objects_count: int = 0


def clone(
    url: str,
    folder: str | Path | None = None,
    *,
    data: bool = True,
    shallow: bool = False,
    branch: str | None = None,
    depth: int | None = None,
    rate: str | None = None,
    with_hooks: bool = True,
    dry_run: bool = False,
    tell: Callable[[str], None] | None = None,
    progress: Progress = silent,
) -> Cloned:
    """Clone the Git repository at `url` into `folder` (default: as Git would call it) and pull, unless not `data`.

    Nothing that comes with the repository is run, and no remote is used that only it names, but one that lies beside
    it. `with_hooks` has Git call track from then on; without it, no hooks come by themselves later.
    With `shallow` no data comes, and none is missed: `pull` without a path looks after what was placed once.
    `rate` limits the bytes a second, as the setting `transfer.rate` does. `tell` is given the lines with which Git says
    how far it is. When the data does not come, the clone stays. With `dry_run` Git clones into a folder that goes
    again, the remotes are asked what they have, and nothing stays; what would fail is the same error.

    Raises:
        UsageError: the URL is none, or says no name for the folder.
        Conflict: the folder is there and not empty.
        GitFailed: the repository was not reached.
        NoRemote, RemoteError, MissingObject, DamagedObject: the data could not be had; the clone stays, see `details`.
        NewerFormat, BadConfig: the repository cannot be read by this version; the clone stays.
    """
    target = Path(absolute()) / (folder if folder is not None else name_of(url))
    if dry_run:
        with gitrepo.passing_clone(url, target, branch=branch, progress=tell) as git:
            try:
                return _foresee(git, Path(absolute(target)), data and not shallow)
            except TrackError as error:  # which names files that are gone in a moment
                error.details = tuple(one.replace(str(git.top), str(target)) for one in error.details)
                raise
    git = gitrepo.clone(url, target, branch=branch, depth=depth, progress=tell)
    if not is_set_up(git):
        return Cloned(git.top, is_project=False)
    try:
        with Project.open(git.top, flags={"transfer.rate": rate} if rate else None) as project:
            if not with_hooks:
                hooks.refuse(project.git)
            elif project.config.is_on("hooks.install"):
                _hook(project)
            return _fill(project, data and not shallow, progress, shallow=shallow)
    except TrackError as error:
        shown = display(str(git.top))
        said = f"the Git repository is cloned in {shown}; its data did not come; to go on there: cd "
        error.details = (*error.details, said + typed(str(git.top)))
        error.hint = error.hint or f"git -C {shown} status"
        raise


def _hook(project: Project) -> None:
    try:
        hooks.install(project.git)
    except TrackError as error:
        project.warnings.append(f"the hooks of track are not in place: {error.message}; then: track hooks install")


def name_of(url: str) -> str:
    """Return the folder that Git would clone a URL into: its last part without `.git`.

    Raises:
        UsageError: there is none.
    """
    last = re.split(r"[/:\\]", re.sub(r"(/|/?\.git)+$", "", _without_query(url).rstrip("/")))[-1].strip()
    if last in ("", ".", "..", ".git"):
        raise UsageError(
            f"`{without_keys(display(url))}` does not say what to call the folder", hint="track clone URL FOLDER"
        )
    return last


def _without_query(url: str) -> str:
    """The URL without what may be a key behind it: a folder is not called so."""
    return url.partition("?")[0] if "://" in url else url


def _foresee(git: Git, target: Path, data: bool) -> Cloned:
    """What would come into a clone at `target`, which is for now where `git` is."""
    if not is_set_up(git):
        return Cloned(target, is_project=False, dry_run=True)
    with Project.open(git.top) as project:
        project.stands_at = target
        found, refused = versions_here(project)
        warnings = tuple(project.warnings)
        if not data or not found:
            return Cloned(target, True, len(found), warnings=warnings, refused=refused, dry_run=True)
        with naming_too(refused):
            coming = receive(project, found, dry_run=True)
        unbelievable = {one.path for one in coming.refused}
        return Cloned(
            root=target,
            is_project=True,
            artifacts_count=len(found),
            remotes=tuple((named.name, named.url) for named in coming.remotes),
            fetched_bytes=coming.fetched_bytes,
            placed=tuple((one.path, one.pointer.size) for one in found if _is_placed(one) - unbelievable),
            warnings=warnings,
            refused=(*refused, *errors_of(coming.refused)),
            passed=coming.passed,
            dry_run=True,
            objects_count=coming.objects_count,
        )


def _is_placed(version: Version) -> set[bytes]:
    """Its path, where it has files in the working tree."""
    is_apart = version.pointer.kind == "value" or version.path.startswith(b".track/")
    return set() if is_apart else {version.path}


def _fill(project: Project, data: bool, progress: Progress, *, shallow: bool) -> Cloned:
    """Set a new clone up, and bring what its pointers need."""
    with project.lock():
        drivers.install(project.git)
        if shallow:
            settings.write(project, "clone", "checkout.shallow", "true")
        found, refused = versions_here(project)
        if not data or not found:
            return Cloned(project.root, True, len(found), warnings=tuple(project.warnings), refused=refused)
        with naming_too(refused):
            received = receive(project, found, progress=progress)
            unbelievable = {one.path for one in received.refused}
            brought = bring(project, [one for one in found if one.path not in unbelievable], progress=progress)
        return Cloned(
            root=project.root,
            is_project=True,
            artifacts_count=len(found),
            remotes=tuple((named.name, named.url) for named in received.remotes),
            fetched_bytes=received.fetched_bytes,
            placed=tuple((artifact.path, artifact.size) for artifact in brought.artifacts),
            warnings=tuple(project.warnings),
            refused=(*refused, *errors_of(received.refused, brought.refused)),
            passed=received.passed,
        )
