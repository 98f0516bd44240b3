"""Doctor: look for what is wrong with this project, this clone or this machine; nothing is repaired."""

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from track import __version__
from track.errors import GitFailed, NotAPointer, TrackError, Unreadable
from track.flows import setup
from track.flows.catalogued import catalog_of
from track.flows.named import Names, declaration_at, odd_keys
from track.flows.pointers import overwritten
from track.flows.probe import Filesystem, probe
from track.flows.sides import side_here
from track.flows.totals import other_totals
from track.history import drivers, filtered, hooks, log
from track.history.catalog import Scope
from track.history.plumbing import OLDEST_GIT
from track.model.expressions import expression
from track.model.names import data_path, display, is_named_pointer, typed
from track.model.pointer import parse_pointer
from track.project import Project
from track.store.objects import Store
from track.system import is_dead

_NOT_CALLED = {
    "missing": "is missing",
    "disabled": "is switched off",
    "outdated": "is outdated",
    "left": "is not called",
}

_CREDENTIALS = expression(r"(?<=://)[^/@\s]+@")
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `state`: fine, a note worth knowing, or a finding that needs somebody."""

    name: str
    state: Literal["fine", "note", "finding"]
    text: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was looked at, in a fixed order."""

    checks: tuple[Check, ...]

    @property
    def findings(self) -> tuple[Check, ...]:
        """Return what needs somebody."""
        return tuple(check for check in self.checks if check.state == "finding")


def doctor(project: Project) -> Diagnosis:
    """Look at the environment, the repository, the store, pointers and settings. No remote is asked."""
    looks = (
        _environment,
        _git,
        _repository,
        _store,
        _state,
        _filesystems,
        _link,
        _set_up,
        _hooks,
        _drivers,
        _pointers,
        _named,
        _history,
        _data,
        _left_over,
    )
    checks = [check for look in looks for check in _looked(look, project)]
    return Diagnosis((*checks, *_configuration(project)))


def _looked(look: Callable[[Project], Iterator[Check]], project: Project) -> Iterator[Check]:
    """What one look finds; where Git fails in it, that is found, and the other looks go on."""
    try:
        yield from look(project)
    except GitFailed as error:
        yield Check("git", "finding", ": ".join((error.message, *error.details[-1:])))


def _environment(project: Project) -> Iterator[Check]:
    python = f"Python {platform.python_version()}, {platform.system()} {platform.release()} {platform.machine()}"
    yield Check("track", "fine", f"{__version__} on {python}")


def _git(project: Project) -> Iterator[Check]:
    version = project.git.version()
    text = ".".join(map(str, version))
    if version < OLDEST_GIT:
        oldest = ".".join(map(str, OLDEST_GIT))
        yield Check("git", "finding", f"{text} is older than {oldest}", "install a newer Git")
    else:
        yield Check("git", "fine", f"{text}, {display(project.git.program)}")


def _repository(project: Project) -> Iterator[Check]:
    git = project.git
    kinds = []
    if git.git_dir != git.common_dir:
        kinds.append(f"linked worktree of {display(str(git.common_dir.parent))}")
    if git.run("rev-parse", "--is-shallow-repository").strip() == b"true":
        kinds.append("shallow")
    if git.config("extensions.partialclone") is not None:
        kinds.append("partial clone")
    text = display(str(project.root)) + (f" ({', '.join(kinds)})" if kinds else "")
    if (operation := git.operation()) is not None:
        yield Check("repository", "note", f"{text}: a {operation} is in progress", "git status")
    else:
        yield Check("repository", "fine", text)
    if (git.git_dir / "index.lock").exists():
        yield Check(
            "index",
            "finding",
            "index.lock is there: a Git command is running, or was killed",
            f"when none is running: rm {display(str(git.git_dir / 'index.lock'))}",
        )


def _store(project: Project) -> Iterator[Check]:
    path = project.store_path
    shown = display(str(path))
    if not os.path.lexists(path):
        yield Check("store", "note", f"not there yet, it will be at {shown}")
        return
    try:
        with Store.open(path, create=False) as store:
            packs, wholes = sum(1 for _ in store.packs()), sum(1 for _ in store.wholes())
            shared = ", shared by a group" if store.description.shared else ""
            text = f"{shown}, format 1, id {store.id[:8]}{shared}, {packs:,} packs and {wholes:,} whole objects"
            bad = sorted(os.listdir(store.rooms.quarantine)) if store.rooms.quarantine.is_dir() else []
    except TrackError as error:
        yield Check("store", "finding", error.message, error.hint)
        return
    writable = os.access(path, os.W_OK)
    yield Check("store", "fine" if writable else "note", text + ("" if writable else ", which may only be read"))
    if bad:
        what = "1 damaged file was" if len(bad) == 1 else f"{len(bad):,} damaged files were"
        then = f"rm -r {typed(str(path / 'quarantine'))}"
        hint = f"track repair   once that ends with exit code 0, nobody needs them: {then}"
        yield Check("quarantine", "finding", f"{what} set aside in the store", hint)


def _state(project: Project) -> Iterator[Check]:
    """The folders of track's own in Git's directory: without them nothing can be locked, placed or remembered."""
    for folder in dict.fromkeys((project.state, project.worktree_state)):
        there = folder if os.path.lexists(folder) else folder.parent
        shown = display(str(folder))
        if not there.is_dir():
            yield Check("state", "finding", f"{shown} is no folder", f"move it away: mv {shown} {shown}.aside")
        elif not os.access(there, os.W_OK | os.X_OK):
            text = f"{display(str(there))} cannot be written: nothing can be added, placed or remembered"
            yield Check("state", "finding", text, f"ls -ld {display(str(there))}   shows its owner and mode")


def _filesystems(project: Project) -> Iterator[Check]:
    here = probe(project.root, project.worktree_state / "staging")
    yield Check("files", "fine", f"working tree on {_described(here)}")
    if not os.path.lexists(project.store_path):
        return
    there = probe(project.store_path, project.store_path / "staging")
    if there.device != here.device:
        text = f"store on another filesystem, {_described(there)}: files are copied, they cannot share blocks"
        yield Check("files", "note", text)
    if there.is_shared:
        yield Check("files", "note", "the store is on a network filesystem: its index is kept in your own cache")


def _described(found: Filesystem) -> str:
    abilities = (("reflinks", found.reflink), ("hard links", found.hardlink), ("symbolic links", found.symlink))
    if any(can is None for _, can in abilities):
        return f"{found.kind or 'unknown'} (not writable, so not tried)"
    return f"{found.kind or 'unknown'}: " + ", ".join(("" if can else "no ") + name for name, can in abilities)


def _link(project: Project) -> Iterator[Check]:
    state = project.link_state()
    if state == "fine":
        yield Check(".store", "fine", "links to the store")
    elif state == "missing":
        yield Check(".store", "note", "is not there; the next command that writes makes it again")
    elif state == "tracked":
        hint = "git rm --cached .store"
        yield Check(".store", "finding", "is tracked by Git; it is not used, and left alone", hint)
    else:
        text = f"is not the link to this clone's store at {display(str(project.store_path))}; it is left alone"
        yield Check(".store", "finding", text, "move it away; the next command that writes makes the link")


def _set_up(project: Project) -> Iterator[Check]:
    try:
        lacking = setup.put(project, dry_run=True).all
    except Unreadable as error:
        yield Check("set-up", "finding", error.message, error.hint)
        return
    if lacking:
        yield Check("set-up", "note", f"lines of track are missing in {_names(lacking)}", "track init")
    else:
        yield Check("set-up", "fine", "configuration, attributes and ignore lines are there")


def _hooks(project: Project) -> Iterator[Check]:
    found = hooks.look(project.git)
    where = hooks.site(project.git)
    place = "" if where.manager is None else f" ({display(str(where.folder))}, of {where.manager})"
    bad = [hook for hook in found if hook.state in ("missing", "disabled", "outdated", "left")]
    if not bad:
        yield Check("hooks", "fine", f"{len(found)} of track, called by Git{place}")
        python = project.git.config("track.python")
        if python is None or not os.access(python, os.X_OK):
            yield Check("hooks", "note", "the Python that they fall back on is not there", "track hooks install")
    elif hooks.is_refused(project.git):
        yield Check("hooks", "note", "taken out of this clone: data does not follow Git", "track hooks install")
    elif len(bad) == len(found) and {hook.state for hook in bad} <= {"missing", "left"}:
        yield Check("hooks", "note", f"none of track is called by Git{place}", "track hooks install")
    else:
        text = ", ".join(f"{hook.name} {_NOT_CALLED[hook.state]}" for hook in bad)
        yield Check("hooks", "finding", f"not called as they should be{place}: {text}", "track hooks install")


def _drivers(project: Project) -> Iterator[Check]:
    state = drivers.state(project.git)
    if state == "installed":
        yield Check("drivers", "fine", "Git shows and merges pointers with track")
    else:
        how = "are not configured" if state == "missing" else "are not configured as this version would"
        yield Check("drivers", "note", f"for showing and merging pointers {how}; Git takes them for text", "track init")


def _pointers(project: Project) -> Iterator[Check]:
    ours, foreign = [], []
    for path, content in log.pointers_in_worktree(project.git):
        try:
            pointer = parse_pointer(content, path)
            ours.append(path)
            if not is_named_pointer(path) and (wrong := other_totals(project, data_path(path), pointer)) is not None:
                yield Check("pointers", "finding", wrong.message, wrong.hint)
        except NotAPointer:
            foreign.append(path)
        except TrackError as error:
            yield Check("pointers", "finding", error.message, error.hint)
    yield Check("pointers", "fine", f"{len(ours):,} in the working tree")
    if (changed := filtered.trouble(project.git, ours)) is not None:
        yield Check("pointers", "finding", changed.message, changed.hint)
    if unmerged := project.git.pointer_files().unmerged:
        yield Check("pointers", "finding", f"in conflict: {_names(unmerged)}", "git status")
    lost = overwritten(project, foreign)
    for told in lost.values():
        yield Check("pointers", "finding", told.message, told.hint)
    if foreign := [path for path in foreign if path not in lost]:
        yield Check("pointers", "note", f"not of track, and left alone: {_names(foreign)}")


def _named(project: Project) -> Iterator[Check]:
    """Pointers of named artifacts that lie where `track put` writes none, and declarations that cannot be read."""
    side = side_here(project)
    names = Names(side)
    wrong = [*names.refused, *odd_keys(names)]
    for name in names.found:
        try:
            declaration_at(project, side, name)
        except TrackError as error:
            wrong.append(error)
    yield from (Check("named artifacts", "finding", error.message, error.hint) for error in wrong)


def _history(project: Project) -> Iterator[Check]:
    """Pointers and records that were committed broken, in the history of any ref; every question passes them over."""
    found = catalog_of(project).ask(Scope(every=True, history=True), lambda view: view.unreadable())
    for newer, what in ((False, "committed broken"), (True, "committed by a later version of track")):
        paths = list(dict.fromkeys(one.path for one in found if one.is_newer == newer))
        commits = sorted({one.commit[:10] for one in found if one.is_newer == newer and one.commit is not None})
        if paths:
            where = f" (since {', '.join(commits[:_MOST_NAMED])})" if commits else ""
            hint = "upgrade track: pip install --upgrade track-data" if newer else f"git log --all -- {typed(paths[0])}"
            yield Check("history", "note", f"{len(paths):,} {what}, and passed over: {_names(paths)}{where}", hint)


def _data(project: Project) -> Iterator[Check]:
    """Data that Git has or would take as well."""
    pointers = [path for path in project.git.staged_pointers() if not is_named_pointer(path)]
    places = {data_path(path) for path in pointers}
    tracked = [
        place for name in project.git.stream("ls-files", "-z") for place in _with_parents(name) if place in places
    ]
    if tracked:
        hint = f"git rm -r --cached -- {typed(tracked[0])}"
        yield Check("data", "finding", f"tracked by Git as well: {_names(sorted(set(tracked)))}", hint)
    here = [place for place in sorted(places) if os.path.lexists(project.root / os.fsdecode(place))]
    ignored = project.git.ignored(here)
    if loose := [place for place in here if place not in ignored and place not in tracked]:
        text = f"not ignored by Git, so `git add` would take it: {_names(loose)}"
        yield Check("data", "finding", text, f"track add {typed(loose[0])}")


def _left_over(project: Project) -> Iterator[Check]:
    folders = (project.store_path / "staging", project.worktree_state / "staging")
    left = sum(1 for folder in folders for name in _listed(folder) if _is_left_by_dead(name))
    if left:
        yield Check(
            "left over", "note", f"{left:,} unfinished files of commands that were killed; they go by themselves"
        )


def _configuration(project: Project) -> Iterator[Check]:
    for warning in project.warnings:
        yield Check("settings", "finding", warning, "track config --origin")
    remotes = project.config.names("remote.*.url")
    if not remotes:
        yield Check("remotes", "note", "none: the data is on this machine alone", "track remote add NAME URL")
    for name in remotes:
        url = _CREDENTIALS.sub("***@", project.config.text(f"remote.{name}.url") or "")
        yield Check("remotes", "fine", f"{display(name)}  {display(url)}")


def _names(paths: Sequence[bytes]) -> str:
    more = f" and {len(paths) - _MOST_NAMED:,} more" if len(paths) > _MOST_NAMED else ""
    return ", ".join(display(path) for path in paths[:_MOST_NAMED]) + more


def _with_parents(path: bytes) -> Iterator[bytes]:
    yield path
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _is_left_by_dead(name: str) -> bool:
    try:
        return is_dead(name.rpartition(".")[0]) is True
    except ValueError:
        return False
