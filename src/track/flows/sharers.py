"""Sharers: the repositories that use one store, each with what it needs of it and with remotes of its own.

What a repository needs has to be at the remotes that it knows: a copy anywhere else is none for it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from track.errors import NotARepository, TrackError
from track.flows.copies import Copies, Roots, count_copies
from track.flows.needed import named_by_steps, repositories
from track.flows.passed import Passed
from track.flows.ranking import below_here, newest_first
from track.history.naming import Gone, Repository
from track.model.digest import Digest
from track.model.names import display, standing
from track.model.pointer import parse_pointer
from track.progress import Progress, silent
from track.project import Project
from track.store.marks import Marks

STEPS = "restore"
"""What names the versions that steps of `track restore` need, where a ref would stand."""


class Needs(NamedTuple):
    """What one repository that uses the store needs of what is meant to go, and the versions that it is part of."""

    user: Repository
    objects: frozenset[bytes]
    roots: Roots


class Held(NamedTuple):
    """The objects of which everybody who needs them finds enough copies; which remotes were asked, and which not."""

    objects: set[bytes]
    asked: tuple[str, ...]
    passed: tuple[Passed, ...]


def needs_of(project: Project, user: Repository, going: Collection[bytes]) -> Needs:
    """What a repository needs of the objects that are `going`: in its history, and in what `track restore` undoes."""
    store, wanted = project.store, set(going)
    seen: set[bytes] = set()
    roots: dict[str, set[Digest]] = {}
    ranked = ((one.digest, one.is_directory, one.named_by) for one in newest_first([user]))
    steps = ((one.digest, one.is_directory, STEPS) for one in named_by_steps(user))
    for digest, is_directory, by in chain(ranked, steps):
        below = below_here(store, digest, is_directory, seen)
        seen |= below.keys()
        if digest in wanted:
            roots.setdefault(by, set()).add(Digest(digest))
    return Needs(user, frozenset(seen & wanted), {by: tuple(sorted(digests)) for by, digests in roots.items()})


class HeldBack(NamedTuple):
    """What a policy passes over and stays all the same, because too few remotes hold it; sizes as stored, in bytes."""

    objects_count: int
    object_bytes: int
    passed: tuple[Passed, ...]


def keep_last_copies(
    project: Project, marks: Marks, given_up: Mapping[Path, Sequence[Gone]], least: int,
    *, dry_run: bool = False, progress: Progress = silent,
) -> HeldBack:  # fmt: skip
    """Mark what versions need that the policy of a repository gives up, by its common directory, where it is here, and
    fewer than so many remotes of that repository hold it; they are asked.

    But in a dry run it says there that it needs those versions, for it may have no other copy from now on.
    """
    sizes: dict[bytes, int] = {}
    needs = []
    for user in repositories(project) if least else ():
        found = _given_up_by(project, marks, user, given_up.get(user.git.common_dir, ()))
        sizes |= found[1]
        needs.append(found[0])
    candidates = sizes.keys() - marks.kept(sorted(sizes))
    if not candidates:
        return HeldBack(0, 0, ())
    needs = [one._replace(objects=one.objects & candidates) for one in needs]
    held = held_for_all(project, candidates, needs, least, relying=not dry_run, progress=progress)
    unheld = candidates - held.objects
    marks.keep(unheld)
    return HeldBack(len(unheld), sum(sizes[digest] for digest in unheld), held.passed)


def _given_up_by(
    project: Project, marks: Marks, user: Repository, given_up: Sequence[Gone]
) -> tuple[Needs, dict[bytes, int]]:
    found: dict[bytes, int] = {}
    seen: set[bytes] = set()
    roots: dict[str, set[Digest]] = {}
    for one in given_up:
        with suppress(TrackError):
            pointer = parse_pointer(one.content, display(one.path))
            if pointer.kind != "value" and not marks.kept([pointer.digest]):
                here = below_here(project.store, pointer.digest, pointer.kind == "directory", seen)
                if bytes(pointer.digest) in here:
                    roots.setdefault(one.commit, set()).add(pointer.digest)
                found |= here
                seen |= found.keys()
    return Needs(user, frozenset(found), {by: tuple(sorted(digests)) for by, digests in roots.items()}), found


def held_for_all(
    project: Project, going: Collection[bytes], needs: Collection[Needs], least: int,
    *, relying: bool, quick: bool = False, progress: Progress = silent,
) -> Held:  # fmt: skip
    """Those of the objects of which whoever needs them finds `least` copies at the remotes of its own repository.

    What nobody needs has to be at those of this project. When `relying`, each repository says at its remotes that it
    needs its versions there from now on.
    """
    own = project.git.common_dir.resolve()
    unneeded = set(going).difference(*(one.objects for one in needs))
    held, asked, passed = set(going), list[str](), list[Passed]()
    for one in needs:
        is_own = one.user.git.common_dir.resolve() == own
        objects = one.objects | unneeded if is_own else one.objects
        copies = _copies(project, one, objects, is_own, relying=relying, quick=quick, progress=progress)
        held -= objects - copies.held(least)
        asked += copies.asked
        passed += copies.passed
    return Held(held, tuple(dict.fromkeys(asked)), tuple(passed))


def _copies(
    project: Project, one: Needs, objects: Collection[bytes], is_own: bool,
    *, relying: bool, quick: bool, progress: Progress,
) -> Copies:  # fmt: skip
    roots = one.roots if relying else None
    if is_own or not objects:
        return count_copies(project, objects, relying=roots, quick=quick, progress=progress)
    where = display(str(one.user.git.common_dir))
    try:
        with _opened(one.user) as other:
            copies = count_copies(other, objects, relying=roots, quick=quick, progress=progress)
    except (TrackError, OSError) as error:
        why = error.message if isinstance(error, TrackError) else str(error)
        return Copies({}, (), (Passed(where, "another repository of this store", why, None),))
    told = tuple(each._replace(why=f"for the repository at {where}: {each.why}") for each in copies.passed)
    return copies._replace(passed=told)


@contextmanager
def _opened(user: Repository) -> Iterator[Project]:
    """The project of another repository, in one of its working trees. Raises NotARepository where it has none."""
    top = next((worktree.top for worktree in user.worktrees if worktree.top is not None), None)
    if top is None:
        raise NotARepository(f"{display(str(user.git.common_dir))} has no working tree, so its remotes are not known")
    before = standing.get()
    try:
        with Project.open(top) as project:
            yield project
    finally:
        standing.set(before)
