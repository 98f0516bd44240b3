"""Init: make a Git repository a project."""

from dataclasses import dataclass
from pathlib import Path

from track.errors import NotARepository, TrackError
from track.flows import setup
from track.flows.survey import Found, survey
from track.here import absolute
from track.history import drivers, gitrepo, hooks, index, log
from track.history.hooks import Hooked
from track.project import CONFIG, LinkState, Project


@dataclass(frozen=True, slots=True)
class Initialised:
    """What an init did. Paths of files are from the top of the working tree, sorted.

    `made` and `changed` were written; `staged` are those, and what an earlier init had not come to stage. `found` is
    data that Git does not have, the largest first. `hooked` is what was done about Git's hooks; `hooks_refused` says
    that a person took them out of this clone, or wanted none. `git_made` says that the Git repository itself is new.
    """

    root: Path
    store: Path
    link: LinkState
    made: tuple[bytes, ...]
    changed: tuple[bytes, ...]
    staged: tuple[bytes, ...]
    found: tuple[Found, ...]
    warnings: tuple[str, ...] = ()
    git_made: bool = False
    hooked: Hooked | None = None
    hooks_refused: bool = False

    @property
    def is_new(self) -> bool:
        """Return whether anything was written that is committed."""
        return bool(self.made or self.changed)


def init(
    start: Path | None = None,
    *,
    make_git: bool = False,
    stage: bool = True,
    look: bool = True,
    with_hooks: bool = True,
    dry_run: bool = False,
) -> Initialised:
    """Set up the repository that holds `start` (default: where we are); again is fine and adds what is missing.

    `make_git` runs `git init` where there is none. `look` searches for data that could be added. `with_hooks`
    has Git call track, unless a person took that out of this clone; without it, none come by themselves later.
    Hooks that are in the way are told as a warning. No data is moved.

    Raises:
        NotARepository: no Git repository is here, and `make_git` was not asked for.
        NewerFormat: the repository was set up by a later version.
        ForbiddenPath: a file that has to be written is a link.
        Locked: another `track` works here.
    """
    folder = Path(absolute()) if start is None else start
    git_made = make_git and not _in_repository(folder)
    if git_made and dry_run:
        return Initialised(folder, folder / ".git/track/store", "missing", (), (), (), (), git_made=True)
    if git_made:
        gitrepo.init(folder)
    with _opened(folder) as project:
        staged: tuple[bytes, ...] = ()
        hooked: Hooked | None = None
        if dry_run:
            written, link = setup.put(project, dry_run=True), project.link_state()
        else:
            with project.lock():
                written, link = setup.put(project), project.link_state()
                project.store.close()
                drivers.install(project.git)
                staged = _lacking_in_index(project, written.all) if stage else ()
                index.stage(project.git, staged)
                hooked = _hook(project, with_hooks)
        return Initialised(
            root=project.root,
            store=project.store_path,
            link=link,
            made=written.made,
            changed=written.changed,
            staged=staged,
            found=survey(project) if look else (),
            warnings=tuple(project.warnings),
            git_made=git_made,
            hooked=hooked,
            hooks_refused=hooks.is_refused(project.git),
        )


def _hook(project: Project, is_wanted: bool) -> Hooked | None:
    try:
        if not is_wanted:
            hooks.refuse(project.git)
        if not is_wanted or hooks.is_refused(project.git) or not project.config.is_on("hooks.install"):
            return None
        return hooks.install(project.git)
    except TrackError as error:
        project.warnings.append(f"the hooks of track are not in place: {error.message}; then: track hooks install")
        return None


def _lacking_in_index(project: Project, written: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return what has to be staged: what was written, and what an init that was interrupted wrote before."""
    staged = log.staged_contents(project.git, (*setup.LINES, CONFIG))
    lacking = {
        name
        for name in (*setup.LINES, CONFIG)
        if name not in staged or setup.with_lines(staged[name], setup.LINES.get(name, ())) != staged[name]
    }
    return tuple(sorted({*written} | lacking))


def _opened(folder: Path) -> Project:
    try:
        return Project.open(folder, set_up=False)
    except NotARepository as error:
        if error.hint == "git init":
            error.hint = "git init\ntrack init --git"
        raise


def _in_repository(folder: Path) -> bool:
    try:
        Project.open(folder, set_up=False).close()
    except NotARepository as error:
        if error.hint != "git init":
            raise
        return False
    return True
