"""A command killed, or failed, at every call with which it changes a file, and what must be true afterwards."""

import itertools
import os
import random
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from support.cli import Completed, track
from support.repositories import git
from support.scene import FULL, TRACK, State, duplicate, leftovers, remove, said_by, state
from support.strace import Event, Outcome, complaints, fail_at, kill_at, record, spread
from support.trees import Node

_numbers = itertools.count()


class Work(NamedTuple):
    """What is interrupted: a command, in a folder of a scene that holds all that it reads and writes.

    `proof` is asked of the scene when the work is done in the end; it raises AssertionError. `between` are the codes
    that `track verify` may end with after the interruption: 1 says that data is not what its pointer says yet.
    """

    scene: Path
    repo: str
    command: tuple[str, ...]
    proof: Callable[[Path], None] = lambda scene: None
    between: tuple[int, ...] = (0, 1)
    again: Callable[[Path], Completed] | None = None
    code: int = 0
    is_long: bool = False
    """Whether the full form is of the calls that tell something (`telling`), and errors are dealt to them (`dealt`):
    a command that writes many pages into databases would take hours otherwise."""

    def line(self) -> list[str]:
        """The command line."""
        return [*TRACK, *self.command]


class Rehearsed(NamedTuple):
    """The same work done in peace: its events, the states before and after, and how `verify` ends then."""

    events: list[Event]
    before: State
    after: State
    verified: int


def rehearse(work: Work, folder: Path) -> Rehearsed:
    """Do the work once undisturbed."""
    scene = duplicate(work.scene, folder / "rehearsal")
    repo = scene / work.repo
    before = state(repo)
    track(*work.command, "--help", cwd=repo).ok()  # whatever Python keeps beside its modules is there now
    outcome, events = record(work.line(), cwd=repo, log=folder / "rehearsal.log")
    assert outcome.code == work.code, f"{work.command} without any fault ended with {outcome.code}: {outcome.err}"
    assert events, "a command that changes nothing cannot be interrupted"
    assert leftovers(repo) == []
    after = state(repo)
    work.proof(scene)
    verified = track("verify", cwd=repo).code  # an edit that is saved nowhere is not what its pointer says
    remove(scene)
    return Rehearsed(events, before, after, verified)


def kill_everywhere(work: Work, folder: Path, *, most: int, seed: int | None = None) -> int:
    """Kill the work at its events, `most` of them unless the full form is asked for; how many were tried.

    They are spread over the run, or with a `seed` drawn by lot.

    Work that several threads share is not dealt out alike every time, and calls are counted by thread: a call that
    one of them did not come to this time is a miss. There are few, and what was done then is judged all the same.
    """
    rehearsed = rehearse(work, folder)
    chosen = _chosen(work, rehearsed.events, most, seed)
    missed: list[Event] = []

    def check(event: Event) -> None:
        scene = duplicate(work.scene, folder / f"point-{next(_numbers)}")
        outcome = kill_at(event, work.line(), cwd=scene / work.repo, log=scene / "log")
        if not outcome.killed:
            assert outcome.code == 0, f"was not killed: {outcome.code} {outcome.err}"
            missed.append(event)
        judge(work, scene, rehearsed)
        remove(scene)

    said = complaints(chosen, check)
    assert not said, _together(f"{len(said)} of {len(chosen)} kills of {' '.join(work.command)}", said)
    assert len(missed) <= len(chosen) // 5, f"{len(missed)} of {len(chosen)} calls were never made"
    return len(chosen) - len(missed)


def fail_everywhere(work: Work, folder: Path, errors: Sequence[str], *, most: int, seed: int | None = None) -> int:
    """Let each event of the work fail with each of `errors`; how many failures were tried.

    Unless the full form is asked for, it is `most` events: spread over the run, or with a `seed` drawn by lot.
    """
    rehearsed = rehearse(work, folder)
    chosen = _chosen(work, rehearsed.events, most, seed)
    pairs = [(event, errors[place % len(errors)]) for place, event in enumerate(chosen)]
    if FULL:
        pairs = dealt(chosen, errors) if work.is_long else list(itertools.product(chosen, errors))
    missed: list[Event] = []

    def check(pair: tuple[Event, str]) -> None:
        event, error = pair
        for _ in range(3):  # threads share the work in another way each time, so that a call may be made elsewhere
            scene = duplicate(work.scene, folder / f"point-{next(_numbers)}")
            outcome = fail_at(event, error, work.line(), cwd=scene / work.repo, log=scene / "log")
            if "INJECTED" in outcome.log:
                break
        else:
            missed.append(event)
        explained(outcome)
        if outcome.code == work.code:
            done = state(scene / work.repo)
            assert done == rehearsed.after, f"ended with 0, yet: {difference(done, rehearsed.after)}"
        judge(work, scene, rehearsed)
        remove(scene)

    said = complaints(pairs, check)
    assert not said, _together(f"{len(said)} of {len(pairs)} failures of {' '.join(work.command)}", said)
    assert len(missed) <= len(pairs) // 5, f"{len(missed)} of {len(pairs)} calls were never made"
    return len(pairs) - len(missed)


def _chosen(work: Work, events: list[Event], most: int, seed: int | None) -> list[Event]:
    if FULL or len(events) <= most:
        return telling(events) if work.is_long else events
    if seed is None:
        return spread(events, most)
    return [events[lot] for lot in sorted(random.Random(seed).sample(range(len(events)), most))]


def telling(events: Sequence[Event]) -> list[Event]:
    """Of the same call on the same file several times running, the first, the one in the middle and the last."""
    found: list[Event] = []
    for _, run in itertools.groupby(events, key=_kind):
        some = list(run)
        found += [some[at] for at in sorted({0, len(some) // 2, len(some) - 1})]
    return found


def dealt(events: Sequence[Event], errors: Sequence[str]) -> list[tuple[Event, str]]:
    """Each event with one error at least, and each kind of call on a kind of file with all that it can give."""
    kinds: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        kinds.setdefault(_kind(event), []).append(event)
    pairs = []
    for (call, _), some in kinds.items():
        possible = [error for error in errors if call not in _WRITING or error in _OF_WRITING]
        for turn in range(max(len(some), len(possible))):
            pairs.append((some[turn % len(some)], possible[turn % len(possible)]))
    return pairs


_WRITING = ("write", "pwrite64", "writev", "pwritev", "ftruncate", "fsync", "fdatasync", "syncfs")
_OF_WRITING = ("EIO", "ENOSPC", "EDQUOT")
"""What a call that has its file open already can give, by its manual."""
_PATH = re.compile(r'<([^>]+)>|"([^"]+)"')
_VARYING = re.compile(r"\d+\.\d+\.[0-9a-f.]+|[0-9a-f]{60,}|/[0-9a-f]{2}(?=/|$)")


def _kind(event: Event) -> tuple[str, str]:
    """The call, and the file that it is about, whatever its name is made of."""
    paths = [one or other for one, other in _PATH.findall(event.text)]
    return event.call, _VARYING.sub("*", paths[0 if event.text[:1].isdigit() else -1] if paths else "")


def _together(what: str, said: Sequence[str]) -> str:
    return "\n".join([f"{what}:", *(one[:2000] for one in said[:12])])


def explained(outcome: Outcome) -> None:
    """A failed command has said what failed, in a line that a person can read, and is no bug of ours."""
    assert "Traceback" not in outcome.err, f"a traceback: …{outcome.err[-1500:]}"
    assert outcome.code in range(8), f"ended with {outcome.code}: {outcome.out}{outcome.err}"
    assert outcome.code == 0 or outcome.err.strip(), f"ended with {outcome.code} and said nothing"


def judge(work: Work, scene: Path, rehearsed: Rehearsed) -> None:
    """After a fault: nothing lost or torn, the store is whole, the same command finishes, nothing is left behind."""
    repo = scene / work.repo
    unharmed(state(repo), rehearsed)
    interrupted = track("verify", cwd=repo)
    assert interrupted.code in work.between, f"verify: {said_by(interrupted)}"
    again = work.again(scene) if work.again is not None else track(*work.command, cwd=repo)
    assert again.code == 0, f"the same command again: {said_by(again)}"
    finished = state(repo)
    assert finished == rehearsed.after, f"after the second run: {difference(finished, rehearsed.after)}"
    assert leftovers(repo) == [], f"left behind: {leftovers(repo)}"
    if FULL:
        done = track("verify", cwd=repo)
        assert done.code == rehearsed.verified, f"verify: {said_by(done)}"
        git("fsck", "--no-dangling", cwd=repo)
    work.proof(scene)


def clean(done: Completed) -> None:
    """`track verify` found nothing wrong."""
    assert done.code == 0, f"verify: {said_by(done)}"


def unharmed(now: State, rehearsed: Rehearsed) -> None:
    """Every file is as it was before or as it will be after: none is missing that both have, none is torn."""
    before, after = rehearsed.before.files, rehearsed.after.files
    for path in before.keys() & after.keys():
        assert path in now.files, f"lost: {path!r}"
    for path, node in now.files.items():
        if ".track-" in os.fsdecode(path):
            continue  # staged beside its place; the next run tidies up
        allowed = [tree[path] for tree in (before, after) if path in tree]
        is_on_its_way = _only_now_hollow(path, node, (before, after)) or _ignores_enough(path, node, before, after)
        assert node in allowed or is_on_its_way, f"torn: {path!r}: {node!r:.100}"


def _ignores_enough(path: bytes, node: Node, *trees: dict[bytes, Node]) -> bool:
    """Whether an ignore file has, for a moment, lines of both states, and all that both have; no file has no lines."""
    if path.rpartition(b"/")[2] != b".gitignore" or not isinstance(node, bytes):
        return False
    contents = (node, *(tree.get(path, b"") for tree in trees))
    here, *known = [set(content.splitlines()) for content in contents if isinstance(content, bytes)]
    return set.intersection(*known) <= here <= set.union(*known)


def _only_now_hollow(path: bytes, node: Node, trees: Iterable[dict[bytes, Node]]) -> bool:
    """Whether a directory that is empty for a moment has files in one of the states."""
    return node == () and any(other.startswith(path + b"/") for tree in trees for other in tree)


def difference(found: State, expected: State) -> str:
    """What differs between two states, in a few words."""
    lines = []
    for path in sorted(found.files.keys() | expected.files.keys()):
        have, want = found.files.get(path), expected.files.get(path)
        if have != want:
            lines.append(f"{path!r}: {have!r:.80} instead of {want!r:.80}")
    if found.staged != expected.staged:
        lines.append(f"staged:\n{found.staged}instead of\n{expected.staged}")
    return "; ".join(lines)
