"""`post-checkout`, `post-merge`, `post-rewrite`, `post-index-change`: the data follows its pointers."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from track.cli.hooks.telling import named, tell
from track.cli.meter import meter
from track.cli.render import size_text
from track.errors import Locked, ProjectError
from track.flows.bring import Kept
from track.flows.step import Followed, follow
from track.history.plumbing import Git
from track.model.names import display, typed
from track.project import Project

_WAIT_S = "10"
_NAMED = 3


def run(name: str, arguments: Sequence[str]) -> int:
    """Bring the data in step, as far as it is here; never stops Git: 0."""
    try:
        project = Project.open(flags={"lock.timeout": _WAIT_S})
    except ProjectError:  # no project, a bare repository, or one that only a later version reads
        return 0
    with project:
        if is_amid(project.git, name):
            return 0
        try:
            followed = follow(project, commits_left(project.git, name, arguments), progress=meter())
        except Locked as error:
            tell(f"{error.message}; afterwards, to bring the data in step: track checkout")
            return 0
        _tell(followed)
    return 0


def is_amid(git: Git, name: str) -> bool:
    """Whether Git is in the middle of a rebase or of several picks, after which there will be another hook."""
    if name == "post-rewrite":
        return False
    if (git.git_dir / "rebase-apply").is_dir() or _lines(git.git_dir / "rebase-merge" / "git-rebase-todo"):
        return True
    return len(_lines(git.git_dir / "sequencer" / "todo")) > 1


def commits_left(git: Git, name: str, arguments: Sequence[str]) -> Iterator[str]:
    """The commits whose data may have to go: where HEAD was before Git did what it did."""
    if name == "post-checkout" and len(arguments) == 3 and arguments[2] == "1":
        yield arguments[0]
    if name == "post-index-change":  # Git moves HEAD only after this
        yield "HEAD"
    for place in ("rebase-merge/orig-head", "rebase-apply/orig-head", "sequencer/head"):
        yield from _lines(git.git_dir / place)[:1]
    if name in ("post-merge", "post-rewrite") and arguments:
        yield "ORIG_HEAD"
    if not arguments and os.environ.get("PRE_COMMIT_CHECKOUT_TYPE") == "1":  # the pre-commit framework, after a switch
        yield os.environ.get("PRE_COMMIT_FROM_REF", "")


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        return []


def _tell(followed: Followed) -> None:
    if followed.artifacts:
        size = sum(artifact.size for artifact in followed.artifacts)
        tell(f"in step: {named([artifact.path for artifact in followed.artifacts])} ({size_text(size)} placed)")
    if followed.removed:
        tell(f"removed with its pointer: {named(followed.removed)}")
    for kept in followed.kept[:5]:
        tell(_why(kept))
    if len(followed.kept) > 5:
        tell(f"and {len(followed.kept) - 5:,} more were left as they are: track status")
    if followed.lacking:
        paths = [lacking.path for lacking in followed.lacking]
        tell(f"not here yet: {named(paths)}; to fetch and place it: track pull")
    for trouble in followed.troubles:
        tell(trouble)


def _why(kept: Kept) -> str:
    if kept.why is not None:
        return f"{display(kept.path)} is left as it is: {kept.why}"
    path, is_one = typed(kept.path), len(kept.files) == 1
    if kept.files == (kept.path,):
        what = f"{display(kept.path)} is left as it is: its content is"
    else:
        what = f"{named(kept.files)} {'is left as it is' if is_one else 'are left as they are'}: the content is"
    adding = f"track add {' '.join(map(typed, kept.files)) if len(kept.files) <= _NAMED else path}"
    return f"{what} saved nowhere; to save it: {adding}   to give it up: track checkout --force {path}"
