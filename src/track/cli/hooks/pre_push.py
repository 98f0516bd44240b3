"""`pre-push`: the data of new pointers goes before the commits that name it, or the commits do not go."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from track.cli.hooks.telling import tell, tell_error
from track.cli.meter import meter
from track.cli.render import count_text, size_text
from track.errors import NotARepository, ProjectError, TrackError
from track.flows.gone import without_purged
from track.flows.outgoing import Update, outgoing, refuse, undelivered
from track.history.plumbing import Git
from track.model.names import is_record_path
from track.project import Project, is_set_up

if TYPE_CHECKING:
    from track.flows.delivery import Delivered

_LONG = 1 << 30


def run(name: str, arguments: Sequence[str]) -> int:
    """0 when every new pointer's data is at a remote, else 1 and Git pushes nothing."""
    updates = list(_updates(sys.stdin.read() if not sys.stdin.isatty() else ""))
    try:
        if not updates or not is_set_up(Git()):
            return 0
    except NotARepository:  # a bare one has no store
        return 0
    try:
        with Project.open() as project:
            return _push(project, updates, _remote_of(arguments))
    except TrackError as error:
        tell_error(error)
        is_ours = isinstance(error, ProjectError)
        tell("nothing was pushed" + ("" if is_ours else "; to push commits without their data: git push --no-verify"))
        return 1


def _remote_of(arguments: Sequence[str]) -> str | None:
    """The name of the Git remote that is pushed to; None for an address without one, of which nothing is tracked."""
    return arguments[0] if len(arguments) > 1 and arguments[0] != arguments[1] else None


def _push(project: Project, updates: Sequence[Update], remote: str | None) -> int:
    mode = project.config.text("hooks.pre-push")
    if mode == "off":
        return 0
    versions, troubles = outgoing(project, updates, remote)
    for trouble in troubles:
        tell(trouble)
    lacking = undelivered(project, versions, now_s=time.time())
    lacking, gone = without_purged(project, lacking)
    _tell_purged(gone)
    if not lacking:
        return 0
    # What speaks to remotes is large, and loaded only now that one has to be asked.
    delivery = import_module("track.flows.delivery")
    lacking = delivery.still_lacking(project, lacking)
    if not lacking:
        return 0
    if mode == "check":
        raise refuse(lacking)
    for delivered in delivery.deliver(project, lacking, tell=_announce, progress=meter()):
        _tell_delivered(delivered)
    return 0


def _tell_delivered(delivered: "Delivered") -> None:
    if delivered.versions:
        artifacts = sum(not is_record_path(version.path) for version in delivered.versions)
        runs = len({version.path for version in delivered.versions if is_record_path(version.path)})
        counts = [(artifacts, "artifact")] * bool(artifacts) + [(runs, "run")] * bool(runs)
        count = " and ".join(count_text(*each) for each in counts)
        tell(f"data of {count} sent to {delivered.remote}: {size_text(delivered.sent_bytes)}")
    _tell_purged(delivered.purged)
    for error in delivered.failed:
        tell_error(error)


def _tell_purged(purged: Iterable[TrackError]) -> None:
    """Nobody gets it any more, so the commits that name it need not wait for it."""
    for error in purged:
        tell(f"{error.message}: the commits go without it")


def _announce(remote: str, size: int) -> None:
    tell(f"sending {size_text(size)} to {remote} first")
    if size > _LONG:
        tell("should Git's own connection time out meanwhile, push again: what was sent stays")


def _updates(given: str) -> Iterator[Update]:
    """What Git says on stdin, deletions left out; where the pre-commit framework ate it, what that says instead."""
    for line in given.splitlines():
        words = line.split(" ")
        if len(words) == 4 and set(words[1]) != {"0"}:
            yield Update(words[1], words[2], None if set(words[3]) == {"0"} else words[3])
    if not given:
        yield from _updates_of_framework()


def _updates_of_framework() -> Iterator[Update]:
    """What the pre-commit framework says in the environment: the first ref alone, and for a first push no commits."""
    target = os.environ.get("PRE_COMMIT_TO_REF", "")
    ref = os.environ.get("PRE_COMMIT_REMOTE_BRANCH", "")
    if not _is_id(target) and not ref:
        return
    before = os.environ.get("PRE_COMMIT_FROM_REF", "")
    if not _is_id(target):  # all that the branch has is new at the other side
        target, before = _commit_of(os.environ.get("PRE_COMMIT_LOCAL_BRANCH", "")), ""
    if target:
        yield Update(target, ref or "HEAD", before if _is_id(before) else None)
    head = Git().head()  # the branch that is checked out is most often the other one of several
    if head is not None and head != target:
        yield Update(head, "HEAD")


def _commit_of(ref: str) -> str:
    """The commit that a ref stands for, or nothing."""
    with suppress(TrackError):
        return Git().resolve(ref)
    return ""


def _is_id(text: str) -> bool:
    return len(text) in (40, 64) and set(text) <= set("0123456789abcdef") and set(text) != {"0"}
