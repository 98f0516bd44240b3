"""The catalog: derived from Git, right after whatever happened to the history, and never in the way."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.repositories import commit_all, git, new_repository
from track.errors import UnknownRevision
from track.history import catalog_file
from track.history.catalog import Catalog, Scope, View
from track.history.catalog_contents import Rows, read_rows
from track.history.catalog_file import POINTER, RECORD
from track.history.catalog_query import POINTERS, SAVED, narrowed
from track.history.catalog_rows import Wanted
from track.history.plumbing import Git
from track.model.digest import digest_of
from track.model.pointer import Pointer, dump_pointer, parse_pointer
from track.model.query import In, Order
from track.model.record import Record, Summary, Used, record_path, run_id
from track.model.record_file import dump_record, parse_record

EVERYTHING = Scope(every=True, history=True)
START = datetime(2026, 1, 1, tzinfo=UTC)


def pointer(text: str, **facts: object) -> bytes:
    return dump_pointer(Pointer(kind="file", digest=digest_of(text.encode()), size=len(text), **facts))  # type: ignore[arg-type]  # what a test says


def record(number: int, *used: Used, **facts: object) -> tuple[bytes, bytes]:
    """The path and bytes of the record of a run that took an hour and began `number` hours after START."""
    started = START + timedelta(hours=number)
    id = run_id(int(started.timestamp() * 1000), number.to_bytes(10, "big"))
    one = Record(
        id=id, name=f"run-{number}", status="completed", started=started, ended=started + timedelta(hours=1),
        by="Andy <andy@example.org>", artifacts=used, **facts,  # type: ignore[arg-type]  # what a test says
    )  # fmt: skip
    return record_path(id, started), dump_record(one)


def write(repo: Path, path: str | bytes, content: bytes | str) -> None:
    place = repo / os.fsdecode(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)


def catalog_of(repo: Path, name: str = "catalog.db", **options: float) -> Catalog:
    found = Git(repo)
    return Catalog(found, found.common_dir / "track" / name, **options)


def everything(catalog: Catalog, scope: Scope = EVERYTHING) -> list[object]:
    """All that a view shows, without the numbers of rows."""

    def read(view: View) -> list[object]:
        pointers, runs, saved = view.pointers(), view.runs(), view.saved()
        assert (view.count(POINTER), view.count(RECORD)) == (len(pointers), len(runs))
        assert view.saved_count() == len(saved)
        for limit in range(4):
            assert view.saved(limit=limit) == saved[:limit]
        return [pointers, runs, saved, view.unreadable(), sorted(view.names())]

    return catalog.ask(scope, read)


def shown(catalog: Catalog, scope: Scope = EVERYTHING) -> list[tuple[str, str]]:
    """(name, first digits of the digest) of all pointers, sorted."""
    found = catalog.ask(scope, lambda view: view.pointers())
    return sorted((one.name, one.document["digest"][7:11]) for one in found)


def short(text: str) -> str:
    return digest_of(text.encode()).hex()[:4]


def test_it_has_every_version_of_every_ref_with_its_first_commit(repo: Path) -> None:
    write(repo, "a.csv.track", pointer("one"))
    first = commit_all(repo)
    write(repo, "a.csv.track", pointer("two", labels={"split": "train"}))
    commit_all(repo)
    git("checkout", "-q", "-b", "side", first, cwd=repo)
    write(repo, "b.csv.track", pointer("three"))
    commit_all(repo)
    git("checkout", "-q", "main", cwd=repo)
    with catalog_of(repo) as catalog:
        assert shown(catalog) == sorted([("a.csv", short("one")), ("a.csv", short("two")), ("b.csv", short("three"))])
        assert shown(catalog, Scope(history=True)) == sorted([("a.csv", short("one")), ("a.csv", short("two"))])
        assert shown(catalog, Scope()) == [("a.csv", short("two"))]
        assert shown(catalog, Scope(every=True)) == sorted(
            [("a.csv", short("one")), ("a.csv", short("two")), ("b.csv", short("three"))]
        )
        assert shown(catalog, Scope(rev=first)) == [("a.csv", short("one"))]
        assert shown(catalog, Scope(rev="side", history=True)) == sorted(
            [("a.csv", short("one")), ("b.csv", short("three"))]
        )
        oldest = catalog.ask(EVERYTHING, lambda view: [one for one in view.pointers() if one.commit == first])
        assert [one.name for one in oldest] == ["a.csv"]
        with pytest.raises(UnknownRevision):
            shown(catalog, Scope(rev="nowhere"))


def test_what_is_staged_changed_new_or_removed_in_the_working_tree_is_laid_over(repo: Path) -> None:
    for name in ("same", "changed", "gone", "staged"):
        write(repo, f"{name}.track", pointer(name))
    commit_all(repo)
    write(repo, "staged.track", pointer("staged again"))
    git("add", "staged.track", cwd=repo)
    write(repo, "changed.track", pointer("changed again"))
    (repo / "gone.track").unlink()
    write(repo, "new.track", pointer("new"))
    write(repo, "other.track", "somebody else's\n")
    with catalog_of(repo) as catalog:
        now = [("same", "same"), ("changed", "changed again"), ("staged", "staged again"), ("new", "new")]
        assert shown(catalog, Scope()) == sorted((name, short(text)) for name, text in now)
        assert len(shown(catalog)) == 7
        new = {one.name: one for one in catalog.ask(Scope(), lambda view: view.pointers())}["new"]
        assert (new.commit, new.created) == (None, None)
        commit_all(repo)
        after = {one.name: one for one in catalog.ask(Scope(), lambda view: view.pointers())}["new"]
        assert after.commit is not None and after.id == new.id


def test_a_version_is_as_old_as_its_run_and_by_who_started_it(repo: Path) -> None:
    path, content = record(5)
    write(
        repo,
        "a.track",
        pointer("a", run=_id(5)),
    )
    commit_all(repo)
    with catalog_of(repo) as catalog:
        [alone] = catalog.ask(Scope(), lambda view: view.pointers())
        write(repo, path, content)
        commit_all(repo)
        [known] = catalog.ask(Scope(), lambda view: view.pointers())
        assert (known.created, known.user) == ((START + timedelta(hours=6)).timestamp(), "Andy")
        assert alone.created != known.created and alone.id == known.id
        git("reset", "-q", "--hard", "HEAD^", cwd=repo)
        assert catalog.ask(Scope(), lambda view: view.pointers()) == [alone]


def test_what_a_run_saved_to_itself_alone_is_found(repo: Path) -> None:
    model = Used("output", digest_of(b"model"), 5, name="model.pt", metadata=(("stage", "prod"),))
    table = Used("input", digest_of(b"a"), 1, path=b"a.csv")
    write(repo, *record(1, model, table, params={"lr": 0.1}))
    commit_all(repo)
    with catalog_of(repo) as catalog:
        [saved] = catalog.ask(Scope(), lambda view: view.saved())
        assert (saved.name, saved.document["labels"], saved.user) == ("model.pt", {"stage": "prod"}, "Andy")
        [user] = catalog.ask(Scope(), lambda view: view.using(digest_of(b"a")))
        assert (user.run_name, user.path, user.category) == ("run-1", b"a.csv", "input")
        [run] = catalog.ask(Scope(), lambda view: view.runs())
        assert run.document["params"] == {"lr": 0.1} and run.document["started"] == START + timedelta(hours=1)
        assert [each["name"] for each in run.document["outputs"]] == ["model.pt"]


def test_the_records_that_stand_are_those_on_disk_staged_or_not(repo: Path) -> None:
    for number in (1, 2):
        write(repo, *record(number))
    commit_all(repo)

    def stand(catalog: Catalog) -> list[str]:
        return sorted(run.document["name"] for run in catalog.ask(Scope(), lambda view: view.runs()))

    with catalog_of(repo) as catalog:
        assert stand(catalog) == ["run-1", "run-2"]
        write(repo, *record(3))
        (repo / os.fsdecode(record(1)[0])).unlink()
        assert stand(catalog) == ["run-2", "run-3"]
        git("add", "--all", cwd=repo)
        assert stand(catalog) == ["run-2", "run-3"]
        git("reset", "-q", "--hard", cwd=repo)
        assert stand(catalog) == ["run-1", "run-2"]


@pytest.mark.parametrize("scope", [Scope(), EVERYTHING, Scope(rev="HEAD")], ids=["here", "everything", "revision"])
def test_few_of_what_many_runs_saved_are_found_without_looking_at_all(repo: Path, scope: Scope) -> None:
    for number in range(200):
        name, labels = ("rare", (("stage", "prod"),)) if number == 7 else ("model", ())
        write(repo, *record(number, Used("output", digest_of(b"%d" % number), 1, name=name, metadata=labels)))
    commit_all(repo)

    def look(view: View) -> None:
        every = steps(view, view.saved)
        assert view.saved(limit=3) == view.saved()[:3]
        assert steps(view, lambda: view.saved(limit=3)) < every / 4
        for query in (In(("name",), ("rare",)), In(("labels", "stage"), ("prod",))):
            assert [one.name for one in view.saved(narrowed(query, SAVED))] == ["rare"]
            assert steps(view, lambda query=query: view.saved(narrowed(query, SAVED))) < every / 4  # type: ignore[misc]

    with catalog_of(repo) as catalog:
        catalog.ask(scope, look)


def steps(view: View, question: Callable[[], object]) -> int:
    """What the database does for a question, in steps of its machine."""
    seen: list[None] = []
    view._database.set_progress_handler(lambda: seen.append(None), 1)
    question()
    view._database.set_progress_handler(None, 0)
    return len(seen)


def test_few_of_many_versions_are_found_without_looking_at_all(repo: Path) -> None:
    digests = [digest_of(b"%d" % number) for number in range(200)]
    for number, digest in enumerate(digests):
        metrics = {"auc": Summary(number / 200, 0.0, 1.0, 0.5, 2)}
        path, content = record(number, Used("input", digest, 1, path=b"in.csv"), metrics=metrics)
        write(repo, path, content)
        facts = {"run": parse_record(content, "it").id, "based_on": {b"from-%d.csv" % number: digest}}
        write(repo, f"{number}.track", pointer(f"{number}", labels={"stage": "raw"}, **facts))
    commit_all(repo)
    for number in range(5, 200):
        (repo / f"{number}.track").unlink()
    commit_all(repo)

    def look(view: View) -> None:
        every = steps(view, view.pointers)
        seventh = next(one for one in view.pointers() if one.name == "7")
        one_each = (
            ("run", seventh.document["run"]), ("digest", str(digests[7])), ("id", seventh.id),
            ("based_on", "from-7.csv"), ("based_on", str(digests[7])), ("based_on", seventh.id),
        )  # fmt: skip
        for query in (*(In((field,), (value,)) for field, value in one_each), Order(("metrics", "auc"), ">", 0.99)):
            few = narrowed(query, POINTERS)
            assert [one.name for one in view.pointers(few)] == ["199" if isinstance(query, Order) else "7"], query
            assert steps(view, lambda few=few: view.pointers(few)) < every / 4, query  # type: ignore[misc]

    def look_at_what_stands(view: View) -> None:
        raw = narrowed(In(("labels", "stage"), ("raw",)), POINTERS)
        assert len(view.pointers(raw)) == 5
        assert steps(view, lambda: view.pointers(raw)) < 2 * steps(view, view.pointers)

    with catalog_of(repo) as catalog:
        catalog.ask(Scope(history=True), look)
        catalog.ask(Scope(), look_at_what_stands)


def test_after_an_amend_and_when_a_branch_goes_only_what_is_reached_is_there(repo: Path) -> None:
    write(repo, "a.track", pointer("one"))
    commit_all(repo)
    with catalog_of(repo) as catalog:
        assert shown(catalog) == [("a", short("one"))]
        write(repo, "a.track", pointer("two"))
        git("commit", "-q", "-a", "--amend", "-m", "again", cwd=repo)
        assert shown(catalog) == [("a", short("two"))]
        git("checkout", "-q", "-b", "side", cwd=repo)
        write(repo, "b.track", pointer("three"))
        commit_all(repo)
        git("checkout", "-q", "main", cwd=repo)
        assert len(shown(catalog)) == 2
        git("branch", "-q", "-D", "side", cwd=repo)
        assert shown(catalog) == [("a", short("two"))]
        git("reflog", "expire", "--expire=now", "--all", cwd=repo)
        git("gc", "-q", "--prune=now", cwd=repo)
        write(repo, "c.track", pointer("four"))
        commit_all(repo)
        assert shown(catalog) == sorted([("a", short("two")), ("c", short("four"))])


def test_a_content_is_read_once_ever(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def parse(data: bytes, name: str) -> Pointer:
        read.append(1)
        return parse_pointer(data, name)

    monkeypatch.setattr("track.history.catalog_contents.parse_pointer", parse)
    write(repo, "a.track", pointer("one"))
    write(repo, "b.track", pointer("one"))
    write(repo, "broken.track", "[artifact]\nkind = 7\n")
    commit_all(repo)
    for _ in range(2):
        with catalog_of(repo) as catalog:
            shown(catalog)
            shown(catalog, Scope())
            git("commit", "-q", "--amend", "--allow-empty", "-m", "x", cwd=repo)
    assert len(read) == 2


def test_contents_that_another_process_writes_while_they_are_read_are_taken_as_it_wrote_them(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(repo, "old.track", pointer("old"))
    commit_all(repo)
    path = Git(repo).common_dir / "track" / "catalog.db"
    with catalog_of(repo) as catalog:
        shown(catalog)
        write(repo, "a.track", pointer("one", labels={"split": "train"}))
        write(repo, "b.track", pointer("two"))
        commit_all(repo)
        others: list[int] = []
        asked: list[int] = []

        def read_beside(contents: Iterable[tuple[Wanted, bytes | None]]) -> Rows:
            found = list(contents)
            asked.append(len(found))
            if not others:
                database, _ = catalog_file.opened(path)
                with closing(database), catalog_file.transaction(database):
                    others.extend(read_rows(found[:1]).write(database).numbers.values())
            return read_rows(found)

        monkeypatch.setattr("track.history.catalog_fill.read_rows", read_beside)
        both = sorted([("a", short("one")), ("b", short("two")), ("old", short("old"))])
        assert shown(catalog) == both
        assert (asked, len(others)) == ([2], 1)  # it was not built anew
    with catalog_of(repo, "anew.db") as anew, catalog_of(repo) as catalog:
        assert everything(catalog) == everything(anew)


def test_broken_and_newer_ones_are_remembered_and_stop_nothing(repo: Path) -> None:
    write(repo, "broken.track", "[artifact]\nkind = 7\n")
    write(repo, "newer.track", "[artifact]\nformat = 2\n")
    write(repo, ".track/runs/2026/01/20260101T000000Z-00000000.toml", "format = 3\n")
    write(repo, "fine.track", pointer("fine"))
    commit = commit_all(repo)
    git("rm", "-q", "broken.track", cwd=repo)
    commit_all(repo)
    with catalog_of(repo) as catalog:
        assert shown(catalog) == [("fine", short("fine"))]
        everything(catalog)
        once = catalog.ask(EVERYTHING, lambda view: view.unreadable())
        assert [(one.path, one.commit, one.is_newer) for one in once] == [
            (b".track/runs/2026/01/20260101T000000Z-00000000.toml", commit, True),
            (b"broken.track", commit, False),
            (b"newer.track", commit, True),
        ]
        assert len(catalog.ask(Scope(), lambda view: view.unreadable())) == 2


def test_a_shallow_clone_says_that_it_is_cut_and_is_right_when_it_is_made_whole(repo: Path, tmp_path: Path) -> None:
    for text in ("one", "two", "three"):
        write(repo, "a.track", pointer(text))
        commit_all(repo)
    git("clone", "-q", "--depth=1", f"file://{repo}", tmp_path / "shallow", cwd=tmp_path)
    with catalog_of(tmp_path / "shallow") as catalog, catalog_of(repo) as whole:
        assert shown(catalog) == [("a", short("three"))]
        assert catalog.ask(EVERYTHING, lambda view: view.is_cut())
        git("fetch", "-q", "--unshallow", cwd=tmp_path / "shallow")
        assert everything(catalog) == everything(whole)
        assert not catalog.ask(EVERYTHING, lambda view: view.is_cut())


def test_contents_that_git_shows_in_place_of_others_are_read_and_forgotten_again(repo: Path) -> None:
    for text in ("one", "two"):
        write(repo, "a.track", pointer(text))
        commit_all(repo)
    with catalog_of(repo) as catalog:
        before = everything(catalog)
        git("replace", "HEAD:a.track", "HEAD~1:a.track", cwd=repo)
        with catalog_of(repo, "new.db") as new:
            assert everything(catalog) == everything(new)
        assert shown(catalog) == [("a", short("one"))] * 2
        git("replace", "-d", git("rev-parse", "HEAD:a.track", cwd=repo).strip(), cwd=repo)
        assert everything(catalog) == before


def test_a_commit_that_git_shows_with_another_tree_is_what_stands(repo: Path) -> None:
    for text in ("one", "two"):
        write(repo, "a.track", pointer(text))
        commit_all(repo)
    with catalog_of(repo) as catalog:
        assert shown(catalog, Scope()) == [("a", short("two"))]
        git("replace", "HEAD^{tree}", "HEAD~1^{tree}", cwd=repo)
        git("reset", "-q", "--hard", cwd=repo)
        assert shown(catalog, Scope()) == [("a", short("one"))]


@pytest.mark.parametrize("seed", range(3))
def test_built_at_once_it_equals_what_was_built_commit_by_commit_in_any_order(repo: Path, seed: int) -> None:
    noise = random.Random(seed)
    commits = [git("rev-parse", "HEAD", cwd=repo).strip()]
    for number in range(14):
        if noise.random() < 0.4:
            git("checkout", "-q", "--detach", noise.choice(commits), cwd=repo)
        for _ in range(noise.randrange(3)):
            write(repo, f"{noise.choice('abc')}.track", pointer(noise.choice("xyz"), run=_id(noise.randrange(14))))
        if noise.random() < 0.2:
            (repo / "a.track").unlink(missing_ok=True)
        if noise.random() < 0.5:
            write(repo, *record(number, Used("output", digest_of(noise.choice("xyz").encode()), 1, name="model")))
        if noise.random() < 0.3 and len(commits) > 2:
            git(
                "merge",
                "-q",
                "-s",
                noise.choice(["ours", "recursive"]),
                "--no-edit",
                noise.choice(commits),
                cwd=repo,
                check=False,
            )
        commits.append(commit_all(repo, str(number)))
    for number, commit in enumerate(commits):
        git("update-ref", f"refs/heads/tip-{number}", commit, cwd=repo)
    with catalog_of(repo) as catalog:
        at_once = everything(catalog)
    for number in range(len(commits)):
        git("update-ref", "-d", f"refs/heads/tip-{number}", cwd=repo)
    order = noise.sample(list(enumerate(commits)), len(commits))
    with catalog_of(repo, "other.db") as catalog:
        for number, commit in order:
            git("update-ref", f"refs/heads/tip-{number}", commit, cwd=repo)
            if noise.random() < 0.3:  # one that goes again
                git("update-ref", "refs/heads/passing", noise.choice(commits), cwd=repo)
            else:
                git("update-ref", "-d", "refs/heads/passing", cwd=repo)
            everything(catalog)
        git("update-ref", "-d", "refs/heads/passing", cwd=repo)
        assert everything(catalog) == at_once


def _id(number: int) -> str:
    return run_id(int((START + timedelta(hours=number)).timestamp() * 1000), number.to_bytes(10, "big"))


@pytest.fixture
def filled(repo: Path) -> Path:
    for text in ("one", "two"):
        write(repo, "a.track", pointer(text))
        commit_all(repo)
    return repo


@pytest.fixture
def place(filled: Path) -> Iterator[Path]:
    with catalog_of(filled) as catalog:
        shown(catalog)
    yield filled / ".git" / "track" / "catalog.db"


def test_it_may_be_deleted_at_any_time(filled: Path, place: Path) -> None:
    with catalog_of(filled) as catalog:
        before = everything(catalog)
        place.unlink()
        assert everything(catalog) == before  # the open one goes on
    with catalog_of(filled) as catalog:
        assert everything(catalog) == before
        assert place.exists()


_TAMPERED = {
    "version": "PRAGMA user_version = 99",
    "no version": "PRAGMA user_version = 0",
    "no contents": "DROP TABLE content",
    "no tips": "DROP TABLE tip",
    "no working trees": "DROP TABLE worktree",
    "a column less": "ALTER TABLE commits DROP COLUMN subject",
    "a table more": "CREATE TABLE more(id)",
}


@pytest.mark.parametrize("damage", ["nonsense", "middle", "empty", *_TAMPERED])
def test_a_damaged_one_or_one_of_another_version_is_built_again(filled: Path, place: Path, damage: str) -> None:
    with catalog_of(filled) as catalog:
        before = everything(catalog)
    if damage in _TAMPERED:
        with sqlite3.connect(place) as database:
            database.execute(_TAMPERED[damage])
        database.close()
    elif damage == "middle":
        content = place.read_bytes()
        place.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    else:
        place.write_bytes(b"" if damage == "empty" else b"nonsense" * 4096)
    with catalog_of(filled) as catalog:
        assert everything(catalog) == before
        assert catalog.is_kept
    with sqlite3.connect(place) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_one_that_is_locked_is_left_alone_and_the_answer_comes_from_memory(
    filled: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("track.history.catalog_file.BUSY_S", 0.05)
    write(filled, "b.track", pointer("three"))
    commit_all(filled)
    holder = sqlite3.connect(place, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with catalog_of(filled) as catalog:
        assert len(shown(catalog)) == 3
        assert not catalog.is_kept
    holder.execute("ROLLBACK")
    holder.close()
    with catalog_of(filled) as catalog:
        assert len(shown(catalog)) == 3
        assert catalog.is_kept


def test_while_another_builds_too_long_the_answer_comes_from_memory(filled: Path, place: Path) -> None:
    write(filled, "b.track", pointer("three"))
    commit_all(filled)
    lock = place.with_name("catalog.db.lock")
    holder = subprocess.Popen(["flock", "-x", lock, "sleep", "60"])
    try:
        while subprocess.run(["flock", "-n", "-x", lock, "true"], check=False).returncode == 0:
            time.sleep(0.01)
        with catalog_of(filled, wait_s=0.05) as catalog:
            assert len(shown(catalog)) == 3
            assert not catalog.is_kept
    finally:
        holder.kill()
        holder.wait()


def test_a_folder_in_its_place_does_not_stop_it(filled: Path, place: Path) -> None:
    place.unlink()
    place.mkdir()
    with catalog_of(filled) as catalog:
        assert len(shown(catalog)) == 2
        assert not catalog.is_kept


_BUILD = """
import sys
from track.history import catalog_ahead
from track.history.catalog import Catalog, Scope
from track.history.plumbing import Git
catalog_ahead._BATCH = 2
found = Git(sys.argv[1])
with Catalog(found, found.common_dir / "track" / "catalog.db") as catalog:
    print(catalog.ask(Scope(every=True, history=True), lambda view: len(view.pointers())))
"""


def test_killed_while_it_builds_it_is_right_the_next_time(repo: Path) -> None:
    for number in range(12):
        write(repo, f"{number % 3}.track", pointer(str(number)))
        commit_all(repo)
    with catalog_of(repo, "other.db") as catalog:
        before = everything(catalog)
    place = repo / ".git" / "track" / "catalog.db"
    for _ in range(4):
        builder = subprocess.Popen([sys.executable, "-c", _BUILD, str(repo)], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not place.exists() and builder.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(random.random() * 0.05)
        builder.send_signal(signal.SIGKILL)
        builder.wait()
    git("reset", "-q", "--hard", "HEAD~3", cwd=repo)
    with catalog_of(repo) as catalog, catalog_of(repo, "third.db") as fresh:
        assert everything(catalog) == everything(fresh)
        assert everything(catalog) != before


def test_an_unfinished_build_of_a_history_that_is_gone_leaves_nothing_behind(repo: Path) -> None:
    write(repo, "a.track", pointer("one"))
    commit_all(repo)
    with catalog_of(repo) as catalog:
        shown(catalog)
    write(repo, "b.track", pointer("two"))
    commit_all(repo)
    place = repo / ".git" / "track" / "catalog.db"
    with catalog_of(repo) as catalog:
        shown(catalog)
    with sqlite3.connect(place) as database:  # as if it had been killed before the tips were written
        database.execute("INSERT INTO state VALUES ('unfinished', '1')")
        database.execute("DELETE FROM tip")
    database.close()
    git("reset", "-q", "--hard", "HEAD^", cwd=repo)
    with catalog_of(repo) as catalog:
        assert shown(catalog) == [("a", short("one"))]


def test_several_processes_build_and_read_at_once(repo: Path) -> None:
    for number in range(12):
        write(repo, f"{number % 3}.track", pointer(str(number)))
        commit_all(repo)
    said: list[bytes] = []

    def build() -> None:
        done = subprocess.run([sys.executable, "-c", _BUILD, str(repo)], capture_output=True, check=False)
        said.append(done.stdout + done.stderr)

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [b"12\n"] * 4


def test_a_linked_working_tree_has_its_own_state_and_the_same_history(repo: Path, linked: Path) -> None:
    write(repo, "a.track", pointer("one"))
    commit_all(repo)
    write(linked, "b.track", pointer("two"))
    git("checkout", "-q", "--detach", cwd=linked)
    commit_all(linked)
    with catalog_of(repo) as one, catalog_of(linked) as other:
        assert shown(one) == shown(other) == sorted([("a", short("one")), ("b", short("two"))])
        assert shown(one, Scope()) == [("a", short("one"))]
        assert shown(other, Scope()) == [("b", short("two"))]


def test_what_the_main_working_tree_has_checked_out_is_known_in_linked_ones(repo: Path, linked: Path) -> None:
    git("checkout", "-q", "--detach", cwd=repo)
    write(repo, "a.track", pointer("one"))
    commit_all(repo)
    with catalog_of(repo) as one, catalog_of(linked) as other:
        assert everything(one)[:3] == everything(other)[:3]
        assert shown(other) == [("a", short("one"))]


def test_a_repository_without_commits_has_what_is_in_its_working_tree(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "new", commit=False)
    write(repo, "a.track", pointer("one"))
    with catalog_of(repo) as catalog:
        assert shown(catalog, Scope()) == [("a", short("one"))]
        assert shown(catalog, Scope(history=True)) == [("a", short("one"))]


def test_tags_of_tags_broken_refs_and_tags_of_files_do_not_stop_it(filled: Path) -> None:
    git("tag", "-a", "-m", "one", "one", "HEAD^", cwd=filled)
    git("tag", "-a", "-m", "two", "two", "one", cwd=filled)
    git("tag", "file", "HEAD:a.track", cwd=filled)
    git("reset", "-q", "--hard", "HEAD^", cwd=filled)
    git("commit", "-q", "--amend", "--allow-empty", "-m", "x", cwd=filled)
    git("tag", "-d", "one", cwd=filled)
    with catalog_of(filled) as catalog:
        assert shown(catalog) == [("a", short("one"))]
        (filled / ".git" / "refs" / "heads" / "broken").write_text("1" * 40 + "\n")
        write(filled, "b.track", pointer("b"))
        git("add", "b.track", cwd=filled)
        git("commit", "-q", "-m", "b", cwd=filled)
        assert shown(catalog) == [("a", short("one")), ("b", short("b"))]
