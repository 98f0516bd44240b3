"""What is decided before the store is held is looked at again when it is: a collection may have come between."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree
from track.errors import Locked, UnsavedWork
from track.flows.bring import carry_out
from track.flows.clear import absence, clear
from track.flows.plan import Plan, plan
from track.model.pointer import Pointer
from track.project import Project
from track.store.objects import Store
from track.verbs.checkout import checkout
from track.verbs.gc import gc
from track.verbs.rm import rm
from track.worktree.stat_cache import StatCache
from track.worktree.trash import Trash


@pytest.fixture
def here(repo: Path) -> Path:
    """A committed directory; the working copy has content that the store has, and that nothing names."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"d/a": b"first", "d/b": b"second"})
    track("add", "d", cwd=repo).ok()
    commit_all(repo, "first")
    write_tree(repo, {"d/a": b"only here"})
    with Project.open(repo) as project, project.store.writer() as writer:
        writer.add(b"only here")
        writer.commit()
    return repo


def collect(repo: Path) -> None:
    with Project.open(repo) as project:
        gc(project, grace_days=0)


def replacing(project: Project, pointer: Pointer) -> Callable[[], None]:
    found = plan(project, b"d", pointer, asked=True)
    return lambda: carry_out(project, [found], None)


def removing(project: Project, _: Pointer) -> Callable[[], None]:
    found: Plan = absence(project, b"d")
    return lambda: clear(project, [found])


@pytest.mark.parametrize("planned", [replacing, removing])
def test_what_a_collection_took_since_it_was_planned_is_not_lost(
    here: Path, planned: Callable[[Project, Pointer], Callable[[], None]]
) -> None:
    with Project.open(here) as project:
        act = planned(project, project.pointers()[b"d.track"])
        collect(here)
        with pytest.raises(UnsavedWork) as raised:
            act()
    assert raised.value.details == ("d/a",)
    assert (here / "d/a").read_bytes() == b"only here"
    assert (here / "d/b").read_bytes() == b"second"


def test_new_nodes_stay_until_a_step_or_the_rows_name_them(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool]] = []

    def watched(owner: type, name: str, store: Store) -> None:
        original = getattr(owner, name)

        def called(*args: object, **options: object) -> object:
            seen.append((name, is_held(store)))
            return original(*args, **options)

        monkeypatch.setattr(owner, name, called)

    with Project.open(here) as project:
        watched(Trash, "save", project.store)
        rm(project, ["d"])
    assert seen[0] == ("save", True)
    seen.clear()
    with Project.open(here) as project:
        watched(StatCache, "replace", project.store)
        checkout(project, "HEAD", ["d/a"])
    assert ("replace", True) in seen


def is_held(store: Store) -> bool:
    """Whether a collection would have to wait."""
    try:
        with store.lock().exclusive(0):
            return False
    except Locked:
        return True
