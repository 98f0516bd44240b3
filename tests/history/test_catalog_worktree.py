"""What stands in a working tree, brought up to date by what changed: the same as looked at from nothing."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from history.test_catalog import catalog_of, everything, pointer, record, write
from support.repositories import commit_all, git
from track.history import catalog_here
from track.history.catalog import Catalog, Scope
from track.history.plumbing import Git
from track.model.digest import digest_of
from track.model.record import Used

NAMES = ("a.csv", "b.csv", "data/c.csv", "data/d.csv", "e e/ü.csv")
SCOPES = (Scope(), Scope(history=True), Scope(every=True))


def said(repo: Path, *arguments: str) -> None:
    """What Git may refuse here, as there is nothing to commit or something in the way."""
    git("-c", "user.name=andy", "-c", "user.email=a@example.org", *arguments, cwd=repo, check=False)


def steps(repo: Path, noise: random.Random) -> Iterator[Callable[[], None]]:
    """Things that people do to a working tree and its index, without end."""
    numbers = iter(range(10_000))

    def edit() -> None:
        write(repo, f"{noise.choice(NAMES)}.track", pointer(f"text {noise.randrange(6)}"))

    def remove() -> None:
        (repo / f"{noise.choice(NAMES)}.track").unlink(missing_ok=True)

    def run() -> None:
        used = Used("output", digest_of(b"%d" % noise.randrange(6)), 1, name="model.pt")
        write(repo, *record(next(numbers) * 300, used))

    def forget() -> None:
        records = sorted((repo / ".track" / "runs").rglob("*.toml"))
        if records:
            records[noise.randrange(len(records))].unlink()

    def run_again() -> None:
        """Its record is written in place: its folder stays as it is."""
        records = sorted((repo / ".track" / "runs").rglob("*.toml"))
        if records:
            place = records[noise.randrange(len(records))]
            used = Used("output", digest_of(b"%d" % noise.randrange(6)), 1, name="again.pt")
            place.write_bytes(record(noise.randrange(10_000), used)[1])

    def drop_month() -> None:
        months = sorted((repo / ".track" / "runs").glob("*/*"))
        if months:
            shutil.rmtree(months[noise.randrange(len(months))])

    def switch() -> None:
        said(repo, "checkout", "-q", *noise.choice([("main",), ("side",), ("-B", "side"), ("-f", "main")]))

    others = [
        ("add", "--all"), ("add", "--all"), ("add", ".track"), ("commit", "-qm", "one"), ("commit", "-qam", "two"),
        ("rm", "-q", "--cached", "-r", "data"), ("rm", "-q", "--cached", "-r", ".track"), ("reset", "-q", "--hard"),
        ("reset", "-q", "HEAD~1"), ("merge", "-q", "-m", "both", "side"), ("commit", "-q", "--amend", "-m", "again"),
        ("stash", "-q"), ("add", "-N", "."), ("mv", "a.csv.track", "data/moved.csv.track"),
    ]  # fmt: skip
    own = (edit, edit, edit, remove, run, run, run_again, run_again, forget, drop_month, switch)
    while True:
        if noise.random() < 0.5:
            yield noise.choice(own)
        else:
            yield lambda: said(repo, *noise.choice(others))


@pytest.mark.parametrize("seed", range(3))
def test_followed_step_by_step_it_is_what_is_found_from_nothing(repo: Path, seed: int) -> None:
    noise = random.Random(seed)
    todo = steps(repo, noise)
    with catalog_of(repo) as catalog:
        for number in range(20):
            for _ in range(noise.randrange(1, 4)):
                next(todo)()
            with catalog_of(repo, f"new-{number}.db") as new:
                for scope in SCOPES:
                    assert everything(catalog, scope) == everything(new, scope), number


def test_a_record_that_is_not_in_the_index_is_read_again_when_it_is_written_in_place(repo: Path) -> None:
    path, content = record(1, params={"lr": 0.1})
    write(repo, path, content)
    folder = (repo / path.decode()).parent
    before = folder.stat().st_mtime_ns
    with catalog_of(repo) as catalog:

        def rates() -> list[float]:
            return [one.document["params"]["lr"] for one in catalog.ask(Scope(), lambda view: view.runs())]

        assert rates() == [0.1]
        for number in range(2, 5):
            write(repo, path, record(1, params={"lr": number})[1])
            assert folder.stat().st_mtime_ns == before and rates() == [number]
        git("add", ".track", cwd=repo)
        assert rates() == [4]
        git("rm", "-q", "--cached", "-r", ".track", cwd=repo)
        write(repo, path, record(1, params={"lr": 5})[1])
        assert folder.stat().st_mtime_ns == before and rates() == [5]
        (repo / path.decode()).unlink()
        assert rates() == []


def test_a_commit_that_went_with_what_it_was_compared_to_is_no_hindrance(repo: Path) -> None:
    write(repo, "a.track", pointer("one"))
    git("add", "--all", cwd=repo)
    git("commit", "-qm", "one", cwd=repo)
    with catalog_of(repo) as catalog:
        assert len(everything(catalog, Scope())[0]) == 1  # type: ignore[arg-type]  # a list of versions
        write(repo, "b.track", pointer("two"))
        git("add", "--all", cwd=repo)
        git("commit", "-q", "--amend", "-m", "other", cwd=repo)
        git("reflog", "expire", "--expire=now", "--all", cwd=repo)
        git("gc", "-q", "--prune=now", cwd=repo)
        assert len(everything(catalog, Scope())[0]) == 2  # type: ignore[arg-type]  # a list of versions


def test_what_stood_in_working_trees_that_are_no_more_is_forgotten(repo: Path, tmp_path: Path) -> None:
    write(repo, "a.track", pointer("one"))
    commit_all(repo)
    for name in ("first", "second", "third"):
        git("worktree", "add", "-q", "--detach", tmp_path / name, cwd=repo)
        with Catalog(Git(tmp_path / name), tmp_path / "one.db") as catalog:
            assert len(everything(catalog, Scope())[0]) == 1  # type: ignore[arg-type]  # a list of versions
        git("worktree", "remove", tmp_path / name, cwd=repo)
    with closing(sqlite3.connect(tmp_path / "one.db")) as database:
        for table in ("worktree", "standing"):
            assert database.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (1,), table


def test_a_question_after_a_commit_reads_what_it_changed_and_no_list_of_all(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        write(repo, f"{number}.track", pointer(f"{number}"))
        write(repo, *record(number))
    git("add", "--all", cwd=repo)
    git("commit", "-qm", "one", cwd=repo)
    with catalog_of(repo) as catalog:
        catalog.ask(Scope(), lambda view: view.names())
        write(repo, "3.track", pointer("another"))
        git("commit", "-qam", "two", cwd=repo)
        looked: list[int] = []
        between = catalog_here.between

        def seen(at: Git, old: str, new: str) -> dict[bytes, catalog_here.Sides]:
            found = between(at, old, new)
            looked.append(len(found))
            return found

        def listed(at: Git, paths: object) -> None:
            raise AssertionError("the index was listed")

        monkeypatch.setattr(catalog_here, "between", seen)
        monkeypatch.setattr(catalog_here, "staged_at", listed)
        assert len(catalog.ask(Scope(), lambda view: view.pointers())) == 20
        assert looked == [1]
