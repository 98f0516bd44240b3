"""Verify: whatever is not what its digest says is found, named, and never called whole."""

import os
import re
import time
from pathlib import Path

import pytest

from store.conftest import files, overwrite, spoil
from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import NoRemote, UnknownPath, UsageError
from track.flows.remotes import choose, connected
from track.flows.sampling import portion_of
from track.project import Project
from track.store.inventory import bare_packs
from track.store.layout import pack_key
from track.store.reindex import drop_from_index
from track.verbs.verify import Problem, Verified, verify

LARGE = os.urandom(1 << 20)
FILES = {"d/a": b"one", "d/b": b"two", "d/s/c": b"three", "d/s/large": LARGE, "x.csv": b"1,2\n", "big.bin": LARGE * 2}


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, FILES)
    track("add", "d", "x.csv", "big.bin", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def check(repo: Path, *paths: str, remote: str | None = None) -> Verified:
    with Project.open(repo) as project:
        return verify(project, paths, remote=remote)


def store_of(repo: Path) -> Path:
    return repo / ".git/track/store"


def said(found: Verified) -> set[tuple[str, bytes]]:
    """Kind and path of every problem in the working tree."""
    return {(one.kind, one.path) for one in found.problems if not one.path.startswith(b"/")}


def test_what_was_added_is_whole(here):
    found = check(here)

    assert () == found.problems
    assert 0 == found.exit_code
    assert (3, 6 + 1) == (found.artifacts_count, found.objects_count)
    assert found.read_bytes >= 2 * sum(map(len, FILES.values())) - len(LARGE)


def test_an_empty_project_is_whole(repo):
    track("init", cwd=repo).ok()

    assert Verified(None, 0, 0, 0, 0, 0, ()) == check(repo)


@pytest.mark.parametrize("path", ["d/a", "d/s/large", "x.csv"])
def test_an_edit_is_called_modified(here, path):
    (here / path).write_bytes(b"edited")

    found = check(here)

    assert {("modified", path.encode())} == said(found)
    assert 1 == found.exit_code


def test_what_is_new_in_a_directory_or_has_another_mode_is_called_modified(here):
    (here / "d/new").write_bytes(b"n")
    (here / "d/b").chmod(0o755)

    found = check(here)

    assert {("modified", b"d/new"), ("modified", b"d/b")} == said(found)


def test_data_that_is_not_checked_out_is_not_missed(here):
    (here / "d/a").unlink()
    (here / "x.csv").unlink()

    assert () == check(here).problems


@pytest.mark.parametrize("path", ["d/a", "d/s/large", "x.csv"])
def test_bytes_that_changed_though_no_stat_shows_it_are_damage(here, path):
    target = here / path
    long_ago = target.stat().st_mtime_ns - 300_000_000_000
    for each in FILES:
        os.utime(here / each, ns=(long_ago, long_ago))
    time.sleep(0.05)  # longer than a tick: rows of what changed within one are never believed
    track("add", "d", "x.csv", "big.bin", cwd=here).ok()
    _make_rows_old(here)
    before = target.stat()
    content = bytearray(target.read_bytes())
    content[0] ^= 1
    with target.open("r+b") as file:
        file.write(content)
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    _forge_ctime(here, target, before)

    found = check(here)

    assert {("damaged", path.encode())} == said(found)
    assert 7 == found.exit_code
    assert [f"track checkout --force -- {path}"] == [one.next_step for one in found.problems]


def _make_rows_old(repo: Path) -> None:
    """Have the rows written long after the files, as they are the next day."""
    with Project.open(repo) as project:
        project.stat_cache._database.execute("UPDATE folder SET boot = '', written = written + 300000000000")


def _forge_ctime(repo: Path, target: Path, before: os.stat_result) -> None:
    """A bit that flips on a disk leaves ctime alone, which no call can: the row gets the new one instead."""
    old, new = (ctime.to_bytes(8, "little", signed=True) for ctime in (before.st_ctime_ns, target.stat().st_ctime_ns))
    with Project.open(repo) as project:
        database = project.stat_cache._database
        for number, stats in database.execute("SELECT rowid, stats FROM folder").fetchall():
            if old in stats:
                database.execute("UPDATE folder SET stats = ? WHERE rowid = ?", (stats.replace(old, new), number))


def problems_of(found: Verified, path: bytes) -> list[Problem]:
    return [one for one in found.problems if one.path == path]


@pytest.mark.parametrize("by_path", [False, True])
def test_a_flipped_bit_in_a_pack_is_damage_named_by_artifact_file_and_digest(here, by_path):
    pack = next(p for p in files(store_of(here) / "packs") if b"onetwothree" in p.read_bytes())
    spoil(pack, pack.read_bytes().index(b"two"))

    found = check(here, *(["d"] if by_path else []))

    assert 7 == found.exit_code
    (problem,) = problems_of(found, b"d/b")
    assert "damaged" == problem.kind
    assert problem.digest is not None
    assert "track add d" == problem.next_step  # it is in place
    assert 7 == check(here).exit_code or 4 == check(here).exit_code
    track("add", "d", cwd=here).ok()


@pytest.mark.parametrize("by_path", [False, True])
@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_a_damaged_large_object_is_named_and_put_into_quarantine(here, by_path, damage):
    objects = {path.stat().st_size: path for path in files(store_of(here) / "objects")}
    path = objects[len(LARGE)]
    if damage == "flip":
        spoil(path, 77)
    else:
        overwrite(path, LARGE[:-1])

    found = check(here, *(["d/s/large"] if by_path else []))

    assert ("damaged", b"d/s/large") in said(found)
    assert 7 == found.exit_code
    assert 1 == len(files(store_of(here) / "quarantine"))


@pytest.mark.parametrize("part", ["table", "footer", "cut", "empty"])
def test_a_pack_that_cannot_be_listed_is_damage(here, part):
    pack = next(p for p in files(store_of(here) / "packs") if b"onetwothree" in p.read_bytes())
    content = pack.read_bytes()
    if part in ("table", "footer"):
        spoil(pack, len(content) - (100 if part == "table" else 3))
    else:
        overwrite(pack, content[:-1] if part == "cut" else b"")

    found = check(here)

    assert 7 == found.exit_code
    assert {("missing", b"d"), ("missing", b"x.csv")} <= {
        (kind.replace("damaged", "missing"), p) for kind, p in said(found)
    }
    assert 1 == len(files(store_of(here) / "quarantine"))


def test_a_pack_under_a_wrong_name_is_damage(here):
    pack = files(store_of(here) / "packs")[0]
    pack.rename(pack.with_name("0" * 62 + ".pack"))

    found = check(here)

    assert ["its name is not its digest"] == [one.what for one in found.problems]


def test_a_deleted_pack_is_missing_data_named_by_file(here):
    before = files(store_of(here) / "packs")
    write_tree(here, {"seed": b"four", "d/four": b"four", "d/five": b"five"})
    track("add", "seed", cwd=here).ok()
    (pack,) = set(files(store_of(here) / "packs")) - set(before)
    track("add", "d", cwd=here).ok()
    pack.unlink()

    found = check(here)

    assert 4 == found.exit_code
    assert {("missing", b"d/four"), ("missing", b"seed")} == said(found)
    assert {"track add d", "track add seed"} == {one.next_step for one in found.problems}


@pytest.mark.parametrize("finder", ["verify", "push"])
def test_what_the_store_has_lost_is_stored_again_by_an_add_of_the_data_in_place(here, tmp_path, finder):
    old = {*files(store_of(here) / "packs"), *files(store_of(here) / "objects")}
    (here / "d/new").write_bytes(b"new")
    track("add", "d", cwd=here).ok()
    commit_all(here, "new")
    for path in old:
        path.unlink()

    if finder == "push":
        track("remote", "add", "origin", tmp_path / "remote", cwd=here).ok()
        assert "track add it again" in track("push", cwd=here).err
    else:
        found = check(here)
        now = [one for one in found.problems if "version of commit" not in one.what]
        assert {b"d/a", b"d/b", b"d/s/c", b"d/s/large", b"x.csv", b"big.bin"} == {one.path for one in now}
        assert {"track add d", "track add x.csv", "track add big.bin"} == {one.next_step for one in now}
    track("add", "d", "x.csv", "big.bin", cwd=here).ok()

    assert [] == [one for one in check(here).problems if "version of commit" not in one.what]


def test_a_lost_manifest_is_missing_and_the_working_copy_is_still_compared(here):
    with Project.open(here) as project:
        root = next(one.digest for path, one in project.pointers().items() if path == b"d.track")
        held = next(project.store.index.held([root]))
        pack = project.store.rooms.pack(project.store.index.pack_name(held.pack))
    content = bytearray(pack.read_bytes())
    content[held.offset] ^= 1
    overwrite(pack, bytes(content))
    (here / "d/a").write_bytes(b"edited too")

    found = check(here)

    assert 7 == found.exit_code
    assert {("damaged", b"d"), ("modified", b"d")} <= said(found)


def test_a_pointer_that_is_broken_is_damage_and_the_others_are_looked_at(here):
    (here / "x.csv.track").write_bytes(b"[artifact]\nkind = 'file'\ndigest = 'blake3:zz'\n")
    (here / "d/a").write_bytes(b"edited")

    found = check(here)

    assert {("damaged", b"x.csv.track"), ("modified", b"d/a")} == said(found)


def test_a_pointer_in_a_merge_is_no_damage_and_the_step_named_works(here):
    for branch in ("left", "right"):
        git("checkout", "--quiet", "-b", branch, "main", cwd=here)
        (here / "x.csv").write_text(branch)
        track("add", "x.csv", cwd=here).ok()
        commit_all(here, branch)
    git("merge", "--quiet", "left", cwd=here, check=False)

    (problem,) = check(here).problems
    assert ("modified", b"x.csv.track") == (problem.kind, problem.path)
    track(*problem.next_step.removeprefix("track ").split(), cwd=here).ok()
    assert () == check(here).problems


@pytest.mark.parametrize("name", ["d", "x.csv", "big.bin"])
def test_a_pointer_that_lies_about_its_size_is_damage(here, name):
    pointer = here / f"{name}.track"
    pointer.write_text(re.sub(r"(?m)^size = .*$", "size = 99", pointer.read_text()))

    found = check(here)

    assert 7 == found.exit_code
    (problem,) = problems_of(found, pointer.name.encode())
    assert f"git log -p -- {pointer.name}" == problem.next_step
    assert "99" in problem.what


def test_an_index_that_is_wrong_is_made_again_and_is_no_damage(here):
    with Project.open(here) as project:
        project.store.index._change("UPDATE objects SET offset = offset + 1", ())

    assert () == check(here).problems
    with Project.open(here) as project:
        assert b"two" in dict(project.store.read_many([d for d, _ in project.store.objects()])).values()


def test_damage_that_no_pointer_needs_is_still_named(here):
    (here / "x.csv").write_bytes(b"3,4\n")
    track("add", "x.csv", cwd=here).ok()
    (here / "x.csv").write_bytes(b"5,6\n")
    track("add", "x.csv", cwd=here).ok()
    commit_all(here, "newer")
    pack = next(p for p in files(store_of(here) / "packs") if b"3,4\n" in p.read_bytes())
    spoil(pack, pack.read_bytes().index(b"3,4\n"))

    found = check(here)

    assert 7 == found.exit_code
    assert any("no pointer here or in any commit needs it" in one.what for one in found.problems)


def test_only_what_was_asked_for_is_looked_at(here):
    (here / "d/a").write_bytes(b"edited")

    assert () == check(here, "x.csv").problems
    assert {("modified", b"d/a")} == said(check(here, "d"))
    with pytest.raises(UnknownPath):
        check(here, "nowhere")


@pytest.fixture
def remote(here: Path) -> Path:
    folder = here.parent / "remote"
    track("remote", "add", "origin", str(folder), cwd=here).ok()
    track("push", cwd=here).ok()
    return folder


def test_a_remote_that_is_whole_says_so(here, remote):
    found = check(here, remote="origin")

    assert () == found.problems
    assert ("origin", 7) == (found.remote, found.objects_count)


def test_damage_at_a_remote_is_named_by_the_files_that_need_it(here, remote):
    for pack in files(remote / "packs"):
        content = pack.read_bytes()
        if b"two" in content:
            spoil(pack, content.index(b"two"))

    found = check(here, remote="origin")

    assert 7 == found.exit_code
    assert ("damaged", b"d/b") in said(found)


def test_a_lost_pack_at_a_remote_is_missing(here, remote):
    for pack in files(remote / "packs"):
        pack.unlink()

    assert 4 == check(here, remote="origin").exit_code


@pytest.mark.parametrize("mend", [("push", "origin"), ("repair", "--remote", "origin")])
def test_a_pack_of_chunks_that_no_index_names_is_missing_and_is_sent_again(here, remote, mend, monkeypatch):
    commit_all(here, "the remote")
    with Project.open(here) as project, connected(project, choose(project), sending=True) as connection:
        chunks = bare_packs(connection.known)
        with monkeypatch.context() as older:  # which left the recipes that name these packs in the index
            older.setattr("track.store.reindex._recipes_naming", lambda place, known, packs: frozenset())
            drop_from_index(connection.place, connection.known, frozenset(pack for pack, _ in chunks), frozenset())
    for pack, _ in chunks:
        (remote / pack_key(pack)).unlink()

    found = check(here, remote="origin")
    assert 4 == found.exit_code
    assert {("missing", b"d/s/large"), ("missing", b"big.bin")} <= said(found)

    track(*mend, cwd=here).ok()
    assert () == check(here, remote="origin").problems
    track("clone", here, here.parent / "clone", cwd=here.parent).ok()
    assert FILES["big.bin"] == (here.parent / "clone/big.bin").read_bytes()


@pytest.mark.parametrize("lost", ["all", "first", "last"])
def test_a_lost_index_at_a_remote_is_missing_data_and_a_push_mends_it(here, remote, lost):
    first = files(remote / "index")
    (here / "d/new").write_bytes(b"new")
    track("add", "d", cwd=here).ok()
    commit_all(here, "new")
    track("push", cwd=here).ok()
    last = [path for path in files(remote / "index") if path not in first]
    for path in {"all": [*first, *last], "first": first, "last": last}[lost]:
        path.unlink()

    found = check(here, remote="origin")
    assert 4 == found.exit_code
    assert ("missing", b"d" if lost != "first" else b"d/a") in said(found)
    assert "not pushed" in track("status", cwd=here).out

    track("push", cwd=here).ok()
    older = check(here, remote="origin")
    assert {"track repair --remote origin"} >= {one.next_step for one in older.problems}
    track("push", "origin", *git("rev-list", "--all", cwd=here).split(), cwd=here).ok()
    assert () == check(here, remote="origin").problems
    done = track("clone", here, here.parent / "clone", cwd=here.parent).ok()
    assert (here.parent / "clone/d/new").read_bytes() == b"new", done.err


def test_what_is_only_at_a_remote_is_not_missing(here, remote):
    for stored in [*files(store_of(here) / "packs"), *files(store_of(here) / "objects")]:
        stored.unlink()

    found = check(here)

    assert () == found.problems
    assert found.fetchable_count > 0


def test_a_remote_that_nobody_knows_is_an_error(here):
    with pytest.raises(NoRemote):
        check(here, remote="nowhere")


def sampled(repo: Path, portion: str) -> Verified:
    with Project.open(repo) as project:
        return verify(project, portion=portion_of(portion))


def test_a_sample_reads_so_many_objects_and_says_of_how_many(here):
    every = check(here)
    found = sampled(here, "2")
    assert (2, every.objects_count) == (found.objects_count, found.total_count) and not found.problems
    assert 0 < found.read_bytes < (found.total_bytes or 0)
    assert sampled(here, "0.001%").objects_count == 1
    half = sampled(here, "50%")
    assert -(-every.objects_count // 2) == half.objects_count
    whole = sampled(here, "100%")
    assert (whole.total_count, whole.total_bytes) == (whole.objects_count, whole.read_bytes)
    (here / "d/a").write_bytes(b"edited")
    assert not sampled(here, "100000").problems  # working data is not looked at


def test_a_sample_finds_what_it_looks_at_damaged(here):
    with Project.open(here) as project:
        _, path = next(iter(project.store.packs()))
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(content))
    assert sampled(here, "100%").exit_code == 7
    done = track("verify", "--sample", "1", cwd=here)
    assert "% of" in done.out


@pytest.mark.parametrize("text", ["", "0", "0%", "101%", "-1", "x", "1e3", "%", "5 %", "\u0665"])
def test_what_is_no_portion_is_refused(text):
    with pytest.raises(UsageError):
        portion_of(text)
