"""Gc: what anything names stays, byte for byte; the rest leaves the store in two steps, and comes back when needed."""

import contextlib
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from store.conftest import files
from support.cli import track_here as track
from support.repositories import commit_all, git
from support.scene import BIG
from support.trees import read_tree, write_tree
from track.errors import GitFailed, HistoryIncomplete, Locked, NewerFormat, UsageError
from track.history.plumbing import Git
from track.model.digest import digest_of
from track.project import Project
from track.verbs.gc import Collected, gc

OLD_DAYS = 40


@pytest.fixture
def here(repo: Path) -> Path:
    """A project with one committed version, old enough to go if nothing named it."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"data/a": b"first a", "data/deep/b": b"first b", "big.bin": BIG})
    track("add", "data", "big.bin", cwd=repo).ok()
    commit_all(repo, "first")
    return repo


def collected(repo: Path, **options: object) -> Collected:
    with Project.open(repo) as project:
        return gc(project, **options)  # type: ignore[arg-type]  # each test names its own options


def store_of(repo: Path) -> Path:
    return repo / ".git/track/store"


def age(repo: Path, days: float = OLD_DAYS) -> None:
    """Make everything in the store older, and what could be undone."""
    forget_steps(repo)
    then = time.time() - days * 86400
    for kind in ("packs", "objects"):
        for path in files(store_of(repo) / kind):
            os.utime(path, (then, then))


def age_trash(repo: Path, days: float = OLD_DAYS) -> None:
    trash = store_of(repo) / "trash"
    for number, folder in enumerate(sorted(trash.iterdir())):
        folder.rename(trash / str(int(time.time() - days * 86400) + number))


def objects(repo: Path) -> set[bytes]:
    with Project.open(repo) as project:
        return {digest for digest, _ in project.store.objects()}


def change(repo: Path, text: bytes, *, big: bool = True) -> None:
    """Another version of everything, added; what was staged before is named by nothing then."""
    write_tree(repo, {"data/a": text, "data/deep/b": text + b" b"})
    if big:
        write_tree(repo, {"big.bin": BIG + text})
    track("add", "data", "big.bin", cwd=repo).ok()


def forget_steps(repo: Path) -> None:
    """As if nothing could be undone any more."""
    shutil.rmtree(repo / ".git/track/trash", ignore_errors=True)


def forget_history(repo: Path) -> None:
    """As if everything that only a reflog or a step knows were from long ago."""
    forget_steps(repo)
    git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all", cwd=repo)


def test_what_is_named_stays_and_nothing_is_taken(here: Path) -> None:
    age(here)
    before = objects(here)

    done = collected(here)

    assert (done.objects_count, done.emptied_bytes, done.lost, done.is_stopped) == (0, 0, (), False)
    assert objects(here) == before
    assert not (store_of(here) / "trash").exists()


def test_what_nothing_names_goes_to_the_trash_and_then_for_good(here: Path) -> None:
    kept = objects(here)
    change(here, b"never committed")
    change(here, b"second")
    commit_all(here, "second")
    kept |= objects(here) - {digest_of(b"never committed"), digest_of(b"never committed b")}
    age(here)

    done = collected(here)

    assert digest_of(BIG + b"never committed") not in objects(here)
    assert digest_of(b"never committed") not in objects(here)
    assert done.objects_count >= 4
    assert done.trash_bytes >= done.object_bytes > len(BIG)
    assert track("verify", cwd=here).ok()

    assert collected(here).emptied_bytes == 0
    age_trash(here)
    gone = collected(here)
    assert gone.emptied_bytes >= len(BIG)
    assert gone.trash_bytes == 0
    track("verify", cwd=here).ok()
    assert kept - objects(here) <= {one for one in kept if one not in objects(here)}


def test_what_is_young_stays_and_is_told(here: Path) -> None:
    change(here, b"never committed")
    change(here, b"second")
    forget_steps(here)
    before = objects(here)

    done = collected(here)

    assert (done.objects_count, done.young_count > 0, objects(here)) == (0, True, before)


def test_no_grace_is_for_good_at_once(here: Path) -> None:
    change(here, b"never committed")
    change(here, b"second")
    forget_steps(here)

    done = collected(here, grace_days=0)

    assert done.emptied_bytes >= done.object_bytes > len(BIG)
    assert done.trash_bytes == 0
    assert digest_of(b"never committed") not in objects(here)
    track("verify", cwd=here).ok()


def test_a_pack_that_is_mostly_dead_is_written_anew(here: Path) -> None:
    write_tree(here, {"many/kept": b"kept", **{f"many/{n}": os.urandom(2000) for n in range(50)}})
    track("add", "many", cwd=here).ok()
    shutil.rmtree(here / "many")
    write_tree(here, {"many/kept": b"kept"})
    track("add", "many", cwd=here).ok()
    commit_all(here, "one of them")
    age(here)

    done = collected(here)

    assert done.objects_count >= 50
    assert collected(here).revived_count == 0
    assert digest_of(b"kept") in objects(here)
    shutil.rmtree(here / "many")
    track("checkout", cwd=here).ok()
    assert (here / "many/kept").read_bytes() == b"kept"
    track("verify", cwd=here).ok()


def _stash(repo: Path) -> None:
    change(repo, b"wanted")
    git("stash", cwd=repo)


def _older_stash(repo: Path) -> None:
    _stash(repo)
    change(repo, b"another")
    git("stash", cwd=repo)


def _reflog(repo: Path) -> None:
    change(repo, b"wanted")
    commit_all(repo, "wanted")
    git("reset", "--quiet", "--hard", "HEAD~1", cwd=repo)
    (repo / ".git/ORIG_HEAD").unlink()


def _staged(repo: Path) -> None:
    change(repo, b"wanted")
    git("checkout-index", "--force", "--all", cwd=repo)
    git("cat-file", "-e", ":data.track", cwd=repo)
    for name in ("data.track", "big.bin.track"):
        (repo / name).write_text(git("show", f"HEAD:{name}", cwd=repo))


def _on_disk(repo: Path) -> None:
    change(repo, b"wanted")
    git("reset", "--quiet", cwd=repo)


def _ignored_on_disk(repo: Path) -> None:
    change(repo, b"wanted")
    for name in ("data", "big.bin"):
        (repo / f"{name}.track").rename(repo / f"hidden-{name}.track")
        (repo / f"{name}.track").write_text(git("show", f"HEAD:{name}.track", cwd=repo))
    git("reset", "--quiet", cwd=repo)
    (repo / ".git/info/exclude").write_text("hidden-*\n")


def _tag(repo: Path) -> None:
    _reflog(repo)
    git("tag", "-a", "-m", "keep", "keep", "HEAD@{1}", cwd=repo)
    forget_history(repo)


def _strange_ref(repo: Path) -> None:
    _reflog(repo)
    git("update-ref", "refs/of/ours", "HEAD@{1}", cwd=repo)
    forget_history(repo)


def _worktree_head(repo: Path) -> None:
    git("worktree", "add", "--quiet", "--detach", "../linked", cwd=repo)
    linked = repo.parent / "linked"
    track("checkout", cwd=linked).ok()
    change(linked, b"wanted")
    git("commit", "--quiet", "--all", "--message=wanted", cwd=linked)
    forget_history(repo)


def _worktree_index(repo: Path) -> None:
    git("worktree", "add", "--quiet", "--detach", "../linked", cwd=repo)
    linked = repo.parent / "linked"
    track("checkout", cwd=linked).ok()
    change(linked, b"wanted")
    for name in ("data.track", "big.bin.track"):
        (linked / name).unlink()


def _worktree_gone(repo: Path) -> None:
    _worktree_index(repo)
    shutil.rmtree(repo.parent / "linked")


def _worktree_ref(repo: Path) -> None:
    _worktree_head(repo)
    git("update-ref", "refs/worktree/mine", "HEAD", cwd=repo.parent / "linked")
    git("checkout", "--quiet", "--detach", "main", cwd=repo.parent / "linked")
    forget_history(repo)


def _conflict(repo: Path) -> None:
    git("checkout", "--quiet", "-b", "other", cwd=repo)
    change(repo, b"wanted")
    commit_all(repo, "theirs")
    other = git("rev-parse", "HEAD", cwd=repo).strip()
    git("checkout", "--quiet", "main", cwd=repo)
    track("checkout", cwd=repo).ok()
    change(repo, b"ours", big=False)
    commit_all(repo, "ours")
    git("merge", "--quiet", other, cwd=repo, check=False)
    (repo / ".git/MERGE_HEAD").unlink()
    (repo / ".git/ORIG_HEAD").unlink(missing_ok=True)
    git("branch", "-D", "other", cwd=repo)
    forget_history(repo)
    assert git("ls-files", "--unmerged", cwd=repo)
    for name in ("data.track",):
        (repo / name).write_text(git("show", f"HEAD:{name}", cwd=repo))


def _merge_head(repo: Path) -> None:
    _reflog(repo)
    (repo / ".git/MERGE_HEAD").write_text(git("rev-parse", "HEAD@{1}", cwd=repo))
    forget_history(repo)


def _autostash(repo: Path) -> None:
    change(repo, b"wanted")
    made = git("stash", "create", cwd=repo).strip()
    git("reset", "--quiet", "--hard", cwd=repo)
    (repo / ".git/rebase-merge").mkdir()
    (repo / ".git/rebase-merge/autostash").write_text(made + "\n")
    forget_history(repo)


def _side_of_a_merge(repo: Path, content: bytes = b"wanted") -> None:
    git("checkout", "--quiet", "-b", "other", cwd=repo)
    change(repo, content)
    commit_all(repo, "theirs")
    git("checkout", "--quiet", "main", cwd=repo)
    git("merge", "--quiet", "--no-ff", "--strategy=ours", "-m", "not theirs", "other", cwd=repo)
    git("branch", "-D", "other", cwd=repo)
    forget_history(repo)


def _made_in_a_merge(repo: Path) -> None:
    _side_of_a_merge(repo, b"theirs")
    change(repo, b"wanted")
    git("commit", "--quiet", "--amend", "--all", "--message=made in the merge", cwd=repo)
    git("commit", "--quiet", "--allow-empty", "--message=after", cwd=repo)
    change(repo, b"later")
    commit_all(repo, "later")
    forget_history(repo)


def _replaced(repo: Path) -> None:
    change(repo, b"wanted")
    commit_all(repo, "wanted")
    wanted = git("rev-parse", "HEAD", cwd=repo).strip()
    change(repo, b"later")
    commit_all(repo, "later")
    tree = git("rev-parse", "HEAD~2^{tree}", cwd=repo).strip()
    other = git("commit-tree", tree, "-p", "HEAD~2", "-m", "instead", cwd=repo).strip()
    git("replace", wanted, other, cwd=repo)
    forget_history(repo)


def _undoable(repo: Path) -> None:
    change(repo, b"wanted")
    track("checkout", "--force", "HEAD", cwd=repo).ok()
    git("reset", "--quiet", "--hard", cwd=repo)
    assert list((repo / ".git/track/trash").glob("*.json"))


def _journal(repo: Path) -> None:
    change(repo, b"wanted")
    named = "".join((repo / f"{name}.track").read_text() for name in ("data", "big.bin"))
    journal = repo / ".git/track/journal"
    journal.mkdir()
    (journal / "run.toml").write_text(named)
    git("reset", "--quiet", "--hard", cwd=repo)
    forget_history(repo)


def _undoable_later(repo: Path) -> None:
    change(repo, b"wanted")
    named = "".join((repo / f"{name}.track").read_text() for name in ("data", "big.bin"))
    git("reset", "--quiet", "--hard", cwd=repo)
    forget_history(repo)
    trash = repo / ".git/track/trash"
    trash.mkdir()
    (trash / "99.json").write_text(named)


def _record(repo: Path) -> None:
    change(repo, b"wanted")
    named = "".join((repo / f"{name}.track").read_text() for name in ("data", "big.bin"))
    write_tree(repo, {".track/runs/2026/01/a.toml": named.encode()})
    git("reset", "--quiet", "--hard", cwd=repo)
    git("add", ".track/runs", cwd=repo)
    git("commit", "--quiet", "--message=a record", cwd=repo)
    forget_history(repo)


PLACES = (
    _stash, _older_stash, _reflog, _staged, _on_disk, _ignored_on_disk, _tag, _strange_ref, _worktree_head,
    _worktree_index, _worktree_gone, _worktree_ref, _conflict, _merge_head, _autostash, _side_of_a_merge,
    _made_in_a_merge, _replaced, _undoable, _journal, _undoable_later, _record,
)  # fmt: skip


@pytest.mark.parametrize("name_it", PLACES, ids=lambda place: place.__name__.strip("_"))
def test_a_version_stays_that_is_only_named_in(here: Path, name_it: Callable[[Path], None]) -> None:
    name_it(here)
    for rows in (here / ".git").rglob("stat.db"):
        rows.unlink()
    wanted = {digest_of(b"wanted"), digest_of(b"wanted b"), digest_of(BIG + b"wanted")}
    assert wanted <= objects(here)

    done = collected(here, grace_days=0)

    assert wanted <= objects(here)
    assert done.lost == ()


def test_a_version_goes_when_the_last_that_named_it_is_gone(here: Path) -> None:
    """The other side of the test above: each of its versions goes when nothing names it."""
    _reflog(here)
    track("checkout", cwd=here).ok()
    forget_history(here)

    collected(here, grace_days=0)

    assert not {digest_of(b"wanted"), digest_of(b"wanted b"), digest_of(BIG + b"wanted")} & objects(here)


def test_the_version_of_a_part_that_is_checked_out_stays(here: Path) -> None:
    change(here, b"second")
    commit_all(here, "second")
    track("checkout", "HEAD~1", "--", "data/a", cwd=here).ok()
    before = objects(here)
    age(here)

    collected(here)

    assert before == objects(here)
    track("status", cwd=here).ok()


def test_a_dry_run_says_what_and_why_and_changes_nothing(here: Path) -> None:
    change(here, b"wanted")
    commit_all(here, "a try")
    git("reset", "--quiet", "--hard", "HEAD~1", cwd=here)
    track("checkout", cwd=here).ok()
    change(here, b"never committed")
    git("reset", "--quiet", "--hard", cwd=here)
    track("checkout", "--force", cwd=here).ok()
    (here / ".git/ORIG_HEAD").unlink(missing_ok=True)
    forget_history(here)
    before = read_tree(store_of(here))

    done = collected(here, grace_days=0, dry_run=True)

    by_path = {source.path: source for source in done.sources}
    assert set(by_path) == {b"big.bin", b"data", b""}
    assert (by_path[b"big.bin"].object_bytes, by_path[b"big.bin"].subject) == (len(BIG) + 6, "a try")
    assert by_path[b"data"].objects_count == 3
    assert sum(source.object_bytes for source in done.sources) == done.object_bytes
    ours = {b"index.db", b"index.db-wal", b"index.db-shm", b"lock"}
    after = read_tree(store_of(here))
    assert {p: n for p, n in after.items() if p not in ours} == {p: n for p, n in before.items() if p not in ours}


def test_what_comes_back_comes_out_of_the_trash(here: Path) -> None:
    _reflog(here)
    wanted = git("rev-parse", "HEAD@{1}", cwd=here).strip()
    track("checkout", cwd=here).ok()
    forget_history(here)
    age(here)
    collected(here)
    assert digest_of(BIG + b"wanted") not in objects(here)

    git("reset", "--quiet", "--hard", wanted, cwd=here)
    track("checkout", cwd=here).ok()

    assert (here / "data/a").read_bytes() == b"wanted"
    assert (here / "big.bin").read_bytes() == BIG + b"wanted"
    track("verify", cwd=here).ok()


def test_a_collection_brings_back_what_is_named_again(here: Path) -> None:
    _reflog(here)
    wanted = git("rev-parse", "HEAD@{1}", cwd=here).strip()
    track("checkout", cwd=here).ok()
    forget_history(here)
    age(here)
    collected(here)
    age_trash(here)
    git("branch", "again", wanted, cwd=here)

    done = collected(here)

    assert {digest_of(b"wanted"), digest_of(BIG + b"wanted")} <= objects(here)
    assert (done.revived_count >= 1, done.emptied_bytes < len(BIG)) == (True, True)


def test_adding_again_what_is_in_the_trash_stores_it(here: Path) -> None:
    _reflog(here)
    track("checkout", cwd=here).ok()
    forget_history(here)
    age(here)
    collected(here)

    change(here, b"wanted")
    age_trash(here)
    collected(here)

    track("verify", cwd=here).ok()
    assert {digest_of(b"wanted"), digest_of(BIG + b"wanted")} <= objects(here)


def test_a_lost_manifest_stops_it_and_is_told(here: Path) -> None:
    change(here, b"never committed")
    write_tree(here, {"lost/x": b"x"})
    change(here, b"second")
    commit_all(here, "second")
    pointer = (here / "data.track").read_text()
    digest = pointer.partition("blake3:")[2][:64]
    (here / "elsewhere.track").write_text(pointer.replace(digest, "ab" * 32))
    age(here)
    before = objects(here)

    done = collected(here)

    assert (done.is_stopped, done.exit_code, objects(here)) == (True, 4, before)
    assert done.lost[0].name.startswith("elsewhere.track in the working tree")
    assert collected(here, force=True).objects_count >= 4


def test_a_manifest_that_a_remote_has_is_not_lost(here: Path) -> None:
    track("remote", "add", "origin", here.parent / "remote", cwd=here).ok()
    commit_all(here, "remote")
    track("push", "--all", cwd=here).ok()
    git("clone", "--quiet", here, here.parent / "clone", cwd=here.parent)
    clone = here.parent / "clone"
    track("fetch", cwd=clone)

    done = collected(clone)

    assert (done.lost, done.is_stopped) == ((), False)


def test_a_shallow_clone_is_refused_unless_it_is_forced(here: Path) -> None:
    change(here, b"second")
    commit_all(here, "second")
    git("clone", "--quiet", "--depth=1", f"file://{here}", here.parent / "shallow", cwd=here.parent)

    with pytest.raises(HistoryIncomplete, match="shallow"):
        collected(here.parent / "shallow")

    assert collected(here.parent / "shallow", force=True).shallow == (here.parent / "shallow/.git",)


def test_a_partial_clone_is_refused(here: Path) -> None:
    change(here, b"second")
    commit_all(here, "second")
    git("config", "uploadpack.allowFilter", "true", cwd=here)
    source = f"file://{here}"
    git("clone", "--quiet", "--filter=blob:none", source, here.parent / "partial", cwd=here.parent)

    with pytest.raises(GitFailed):
        collected(here.parent / "partial")


def test_a_broken_ref_stops_it(here: Path) -> None:
    (here / ".git/refs/heads/broken").write_text("12" * 20 + "\n")

    with pytest.raises(GitFailed):
        collected(here)


def test_a_pointer_of_a_newer_format_stops_it(here: Path) -> None:
    text = (here / "data.track").read_text()
    (here / "new.track").write_text(text.replace("[artifact]\n", "[artifact]\nformat = 2\n"))

    with pytest.raises(NewerFormat):
        collected(here)


def test_a_conflict_in_a_pointer_keeps_both_sides(here: Path) -> None:
    change(here, b"wanted", big=False)
    wanted = (here / "data.track").read_text()
    before = git("show", "HEAD:data.track", cwd=here)
    git("reset", "--quiet", "--hard", cwd=here)
    (here / "data.track").write_text(f"<<<<<<< ours\n{before}=======\n{wanted}>>>>>>> theirs\n")
    forget_history(here)

    collected(here, grace_days=0)

    assert digest_of(b"wanted") in objects(here)


def _shared(tmp_path: Path, repo: Path) -> Path:
    """Another repository that uses the store of the first from where it is."""
    other = tmp_path / "other"
    git("clone", "--quiet", repo, other, cwd=tmp_path)
    track("config", "--clone", "store.path", store_of(repo), cwd=other).ok()
    write_tree(other, {"data/a": b"theirs", "data/deep/b": b"theirs b"})
    track("add", "data", cwd=other).ok()
    return other


def test_what_another_repository_names_stays(here: Path, tmp_path: Path) -> None:
    other = _shared(tmp_path, here)

    done = collected(here, grace_days=0)

    assert digest_of(b"theirs") in objects(here)
    assert done.repositories == (here / ".git", other / ".git")


@pytest.mark.parametrize("trouble", ["gone", "no longer a repository"])
def test_another_repository_that_cannot_be_read_stops_it_until_it_is_forgotten(
    here: Path, tmp_path: Path, trouble: str
) -> None:
    other = _shared(tmp_path, here)
    if trouble == "gone":
        shutil.rmtree(other)
    else:
        (other / ".git/HEAD").unlink()

    with pytest.raises(HistoryIncomplete, match="other") as caught:
        collected(here, grace_days=0)
    assert "--forget" in (caught.value.hint or "")
    assert digest_of(b"theirs") in objects(here)

    with pytest.raises(UsageError, match="noted"):
        collected(here, forget=["../nobody"])
    collected(here, grace_days=0, forget=["../other"])
    assert digest_of(b"theirs") not in objects(here)


def test_a_locked_worktree_that_is_not_there_stops_it(here: Path) -> None:
    git("worktree", "add", "--quiet", "--detach", "../linked", cwd=here)
    git("worktree", "lock", "../linked", cwd=here)
    shutil.rmtree(here.parent / "linked")

    with pytest.raises(HistoryIncomplete, match="locked"):
        collected(here)


def test_what_a_writer_relies_on_does_not_vanish(here: Path) -> None:
    """A writer that found an object already here holds the store until its pointer is there."""
    change(here, b"wanted")
    git("reset", "--quiet", "--hard", cwd=here)
    track("checkout", "--force", cwd=here).ok()
    forget_history(here)
    result: list[Collected] = []
    with Project.open(here) as project, project.store.writer() as writer:
        writer.add(b"wanted")
        collecting = threading.Thread(target=lambda: result.append(collected(here, grace_days=0)))
        collecting.start()
        collecting.join(1.0)
        assert collecting.is_alive()
        digest = digest_of(b"wanted")
        (here / "new.track").write_text(f'[artifact]\nkind = "file"\ndigest = "{digest}"\nsize = 6\n')
        writer.commit()
    collecting.join()

    assert digest in objects(here)
    assert digest_of(BIG + b"wanted") not in objects(here)


def test_what_was_committed_since_the_first_look_stays(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the lock only what came since is read: with a commit that alone names data, and none of the old ones."""
    change(here, b"wanted")
    git("reset", "--quiet", "--hard", cwd=here)
    track("checkout", "--force", cwd=here).ok()
    forget_history(here)
    digest = digest_of(b"wanted")
    looked: list[tuple[bytes, ...]] = []
    stream = Git.stream

    def listening(asked: Git, *words: str, **options: Any) -> Iterator[bytes]:
        if words[0] == "log":
            looked.append(tuple(options["input"]))
        return stream(asked, *words, **options)

    def commit(*_: object) -> frozenset[bytes]:
        pointer = f'[artifact]\nkind = "file"\ndigest = "{digest}"\nsize = 6\n'
        (here / "new.track").write_text(pointer)
        git("add", "-f", "new.track", cwd=here)
        git("commit", "--quiet", "-m", "new", cwd=here)
        git("rm", "--quiet", "new.track", cwd=here)
        return frozenset()

    old = git("rev-parse", "HEAD", cwd=here).strip().encode()
    monkeypatch.setattr("track.verbs.gc.rewrite", commit)
    monkeypatch.setattr(Git, "stream", listening)
    with Project.open(here) as project, project.store.writer() as writer:
        writer.add(b"wanted")
        writer.commit()
    done = collected(here, grace_days=0)

    assert digest in objects(here)
    assert digest_of(BIG + b"wanted") not in objects(here)
    assert done.named_count > 0
    assert [any(b"^" + old in one for one in given) for given in looked] == [False, True]


@pytest.mark.parametrize("trouble", ["damaged", "strange", "newer"])
def test_the_rows_of_another_repository_are_only_read(here: Path, tmp_path: Path, trouble: str) -> None:
    other = _shared(tmp_path, here)
    rows = other / ".git/track/stat.db"
    if trouble == "damaged":
        rows.write_bytes(b"SQLite format 3\0" + b"nonsense" * 1000)
    else:
        rows.unlink()
        with contextlib.closing(sqlite3.connect(rows)) as database:
            database.execute(f"PRAGMA user_version = {1 if trouble == 'strange' else 99}")
    before = rows.read_bytes()

    if trouble == "newer":
        with pytest.raises(NewerFormat, match="other"):
            collected(here, grace_days=0)
    else:
        collected(here, grace_days=0)

    assert rows.read_bytes() == before
    assert digest_of(b"theirs") in objects(here)


def test_a_writer_that_does_not_end_is_told(here: Path) -> None:
    track("config", "--clone", "lock.timeout", "0", cwd=here).ok()
    with Project.open(here) as project, project.store.writer(), pytest.raises(Locked):
        collected(here)


def test_an_empty_repository_has_nothing_to_take(repo: Path) -> None:
    git("update-ref", "-d", "HEAD", cwd=repo)
    forget_history(repo)
    track("init", cwd=repo).ok()

    assert collected(repo).objects_count == 0


def test_a_fetch_that_nobody_went_on_with_is_given_up(here: Path) -> None:
    partial = store_of(here) / "partial"
    partial.mkdir(exist_ok=True)
    for name, days in (("ab" * 32, 20), ("cd" * 32, 1)):
        (partial / name).write_bytes(b"half")
        os.utime(partial / name, (time.time() - days * 86400,) * 2)

    assert collected(here).emptied_bytes == 4

    assert [path.name for path in partial.iterdir()] == ["cd" * 32]


def test_no_grace_leaves_no_trash_of_merged_packs(here: Path) -> None:
    for number in range(10):
        write_tree(here, {f"small{number}": b"%d" % number})
        track("add", f"small{number}", cwd=here).ok()

    assert collected(here, grace_days=0).trash_bytes == 0

    track("verify", cwd=here).ok()


def test_a_dry_run_that_would_be_stopped_says_so(here: Path) -> None:
    text = (here / "data.track").read_text()
    digest = text.partition("blake3:")[2][:64]
    (here / "elsewhere.track").write_text(text.replace(digest, "ab" * 32))

    done = collected(here, dry_run=True)

    assert (done.is_stopped, done.exit_code) == (True, 4)


def test_a_damaged_pack_stays(here: Path) -> None:
    (pack, *_) = files(store_of(here) / "packs")
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:-1])
    age(here)

    done = collected(here, force=True)

    assert (done.unreadable_count, pack.exists()) in {(1, True), (0, False)}


def test_the_index_forgets_what_went(here: Path) -> None:
    change(here, b"never committed")
    change(here, b"second")
    forget_steps(here)
    collected(here, grace_days=0)

    with sqlite3.connect(store_of(here) / "index.db") as db:
        rows = db.execute("SELECT count(*) FROM objects WHERE digest = ?", (digest_of(b"never committed"),)).fetchone()
    db.close()
    assert rows == (0,)


def test_many_small_packs_become_few(here: Path) -> None:
    for number in range(9):
        (here / "many").mkdir(exist_ok=True)
        (here / f"many/{number}").write_bytes(b"%d" % number * 100)
        track("add", "many", cwd=here).ok()
        commit_all(here, f"{number}")
    before = len(files(store_of(here) / "packs"))
    assert before > 9
    track("gc", cwd=here).ok()
    assert len(files(store_of(here) / "packs")) == 1
    track("verify", cwd=here).ok()
    git("checkout", "--quiet", "HEAD~5", cwd=here)
    track("checkout", cwd=here).ok()
    assert (here / "many/3").exists() and not (here / "many/4").exists()
