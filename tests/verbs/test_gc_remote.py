"""Gc of a remote: what anybody needs stays; the rest goes in two steps, a day of the remote's time apart."""

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.seaweed import BUCKET, NO_WRITE, OWNER, Seaweed
from support.sharing import cloned, consented, files_below
from support.trees import write_tree
from track.errors import HistoryIncomplete, Locked, UsageError
from track.flows.remotes import choose, clone_id, connected
from track.model.digest import Digest, digest_of
from track.model.pointer import parse_pointer
from track.project import Project
from track.store import condemning, deleting, remote
from track.store.backends.folder import open_folder
from track.store.claim import Claim
from track.store.layout import object_key
from track.store.listing import LISTED, dump_listing, parse_listing
from track.store.place import Listed, Place
from track.store.remote import Remote
from track.store.roots import RootsEntry, dump_roots
from track.store.tombstones import read_tombstones
from track.verbs.gc_remote import CollectedRemote, gc_remote
from track.verbs.push import push

BIG = bytes(range(256)) * 6000
DAY_S = 86_400


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two versions pushed to `../remote`, and only the second one is named by anything; nothing is young there.

    Large files are whole there, as without the chunker: a file of the remote is an object, which can be counted.
    """
    monkeypatch.setattr(remote, "chunker_of", lambda _: None)
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    change(repo, b"first")
    commit_all(repo, "first")
    track("push", cwd=repo).ok()
    change(repo, b"second")
    commit_all(repo, "second")
    track("push", cwd=repo).ok()
    git("checkout", "-q", "--orphan", "other", cwd=repo)
    commit_all(repo, "only the second")
    git("branch", "-q", "-M", "other", "main", cwd=repo)
    forget(repo)
    age(repo)
    return repo


def change(repo: Path, text: bytes) -> None:
    """A version of a directory and of a large file."""
    write_tree(repo, {"data/a": text, "data/b": b"b of " + text, "data/same": b"the same", "big.bin": BIG + text})
    track("add", "data", "big.bin", cwd=repo).ok()


def forget(repo: Path) -> None:
    """As if everything that only a reflog or a step knows were from long ago."""
    shutil.rmtree(repo / ".git/track/trash", ignore_errors=True)
    git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all", cwd=repo)
    for name in ("ORIG_HEAD", "FETCH_HEAD"):
        (repo / ".git" / name).unlink(missing_ok=True)


def lost_commit(repo: Path) -> str:
    """The commit of the first version, which nothing reaches."""
    lost = [line.split()[2] for line in git("fsck", "--no-progress", cwd=repo).splitlines() if " commit " in line]
    return lost[0]


def age(repo: Path, days: float = 2) -> None:
    """So much time passes at the remote, whose clock is that of its folder."""
    for path in (repo.parent / "remote").rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - days * DAY_S
            os.utime(path, (then, then))


def collected(repo: Path, **options: object) -> CollectedRemote:
    with Project.open(repo) as project:
        return gc_remote(project, **options)  # type: ignore[arg-type]  # each test names its own options


def at_remote(repo: Path, kind: str = "") -> set[str]:
    return {name for name in files_below(repo.parent / "remote") if name.startswith(kind)}


def emptied(repo: Path) -> CollectedRemote:
    """Condemn, wait a day, delete."""
    collected(repo)
    age(repo)
    return collected(repo)


def test_what_is_needed_stays_and_nothing_is_condemned(here: Path) -> None:
    emptied(here)
    before = at_remote(here, "packs/") | at_remote(here, "objects/")
    age(here, 40)
    done = collected(here)
    assert (done.condemned_count, done.deleted_count, done.waiting_count) == (0, 0, 0)
    assert at_remote(here, "packs/") | at_remote(here, "objects/") == before


def test_what_nobody_needs_is_condemned_and_a_day_later_deleted(here: Path) -> None:
    old = object_key(digest_of(BIG + b"first"))
    files = len(at_remote(here, "packs/")) + len(at_remote(here, "objects/"))
    first = collected(here)
    assert first.condemned_count == 3 and first.deleted_count == 0 and first.files_count == files
    assert first.condemned_bytes > len(BIG) and first.next_s == pytest.approx(first.now_s + DAY_S, abs=5)
    again = collected(here)
    assert (again.condemned_count, again.deleted_count, again.waiting_count) == (0, 0, 3)
    assert old in at_remote(here)
    age(here, 1.01)
    done = collected(here)
    assert (done.deleted_count, done.deleted_bytes, done.waiting_count) == (3, first.condemned_bytes, 0)
    assert old not in at_remote(here) and len(at_remote(here, "objects/")) == 1
    track("verify", "--remote", "origin", cwd=here).ok()
    clone = cloned(here)
    track("pull", cwd=clone).ok()
    assert (clone / "big.bin").read_bytes() == BIG + b"second" and (clone / "data/same").read_bytes() == b"the same"
    age(here)
    collected(here)
    assert at_remote(here, "tombstones/") == set()


def test_a_dry_run_says_what_would_go_and_why_and_changes_nothing(here: Path) -> None:
    before = files_below(here.parent / "remote")
    done = collected(here, dry_run=True)
    assert files_below(here.parent / "remote") == before
    assert (done.is_dry, done.condemned_count, done.deleted_count) == (True, 3, 0)
    assert [(source.path, source.versions_count, source.subject) for source in done.sources] == [
        (b"big.bin", 1, "first"),
        (b"data", 1, "first"),
    ]
    collected(here)
    age(here)
    assert collected(here, dry_run=True).deleted_count == 3 and object_key(digest_of(BIG + b"first")) in at_remote(here)


def test_a_clone_that_was_copied_is_another_one_whose_data_stays(here: Path) -> None:
    twin = here.parent / "twin"
    shutil.copytree(here, twin, symlinks=True)
    track("trust", "--yes", cwd=twin)
    change(twin, b"third")
    commit_all(twin, "third")
    track("push", cwd=twin).ok()
    ids = [(each / ".git/track/clone-id").read_text("ascii").split()[0] for each in (here, twin)]
    assert ids[0] != ids[1]
    age(here)
    for _ in range(2):
        collected(here)
        age(here)
    clone = cloned(twin, "clone of the twin")
    track("pull", cwd=clone).ok()
    assert (clone / "big.bin").read_bytes() == BIG + b"third"
    moved = here.rename(here.parent / "moved")
    with Project.open(moved) as project:
        assert clone_id(project) == ids[0]


def test_what_was_written_today_stays(here: Path) -> None:
    age(here, -2)
    done = collected(here)
    assert (done.condemned_count, done.young_count) == (0, 3)


def test_the_clock_of_this_machine_is_never_asked(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for skew_s in (-48 * 3600, 48 * 3600):
        now = time.time() + skew_s
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda now=now: now)
            assert collected(here).deleted_count == 0
    age(here)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert collected(here).deleted_count == 3


def test_what_another_clone_said_it_needs_stays_until_it_is_forgotten(here: Path) -> None:
    clone = consented(cloned(here))
    track("pull", cwd=clone).ok()
    write_tree(clone, {"data/a": b"third"})
    track("add", "data", cwd=clone).ok()
    track("push", cwd=clone).ok()
    age(here)
    emptied(here)
    done = collected(here)
    (keeper,) = done.keepers
    assert keeper.versions_count == 1 and done.condemned_count == 0
    with pytest.raises(UsageError, match="name one other clone"):
        collected(here, forget=["ffff"])
    own = (here / ".git/track/clone-id").read_text("ascii").split()[0]
    with pytest.raises(UsageError, match="this clone itself"):
        collected(here, forget=[own])
    age(here)
    done = collected(here, forget=[keeper.clone[:8]])
    assert done.condemned_count > 0
    assert collected(here).keepers == ()
    track("push", cwd=clone).ok()  # it was not gone after all: it sends it again
    age(here)
    assert collected(here).deleted_count > 0
    git("-C", str(clone), "commit", "-qam", "third", cwd=here)
    git("-C", str(here), "pull", "-q", str(clone), "main", cwd=here)
    track("pull", cwd=here).ok()
    assert (here / "data/a").read_bytes() == b"third"


def test_what_is_needed_again_before_it_is_deleted_is_spared(here: Path) -> None:
    collected(here)
    git("branch", "back", lost_commit(here), cwd=here)
    age(here)
    done = collected(here)
    assert (done.deleted_count, done.spared_count, done.waiting_count) == (0, 3, 0)
    assert object_key(digest_of(BIG + b"first")) in at_remote(here)


def test_a_push_of_what_is_condemned_sends_it_again_and_nothing_of_it_goes(here: Path) -> None:
    """The data of the first version is made anew by somebody who knows nothing of it."""
    clone = consented(cloned(here))
    collected(here)
    change(clone, b"first")
    with Project.open(clone) as project:
        assert push(project).objects_count >= 4
    age(here)
    collected(here)
    git("-C", str(clone), "commit", "-qam", "first again", cwd=here)
    other = cloned(clone, "other")
    consented(other)
    track("pull", cwd=other).ok()
    assert (other / "big.bin").read_bytes() == BIG + b"first" and (other / "data/a").read_bytes() == b"first"


@pytest.mark.parametrize("is_here", [True, False])
def test_a_repair_counts_on_nothing_that_a_collection_takes_before_its_claim(
    here: Path, is_here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was condemned is named again, and looked at by a repair; then another clone deletes it."""
    clone = consented(cloned(here))
    git("remote", "remove", "origin", cwd=clone)
    collected(here)
    age(here)
    git("branch", "back", lost_commit(here) + "~1", cwd=here)
    claim, deleted = Remote.claim, list[int]()

    def late(self: Remote, writer: str, roots: Mapping[str, tuple[Digest, ...]], *, patience_s: float = 9.0) -> Claim:
        if not deleted:
            deleted.append(0)  # the collection claims nothing, but it may look
            deleted[0] = collected(clone).deleted_count
            if not is_here:
                whole = here / ".git/track/store" / object_key(digest_of(BIG + b"first"))
                whole.unlink()
        return claim(self, writer, roots, patience_s=patience_s)

    monkeypatch.setattr(Remote, "claim", late)
    assert track("repair", "--remote", "origin", cwd=here).code == 0
    assert deleted == [3]
    monkeypatch.undo()
    fresh = cloned(here, "fresh")
    git("checkout", "-q", "back", cwd=fresh)
    done = track("pull", cwd=fresh)
    if is_here:
        done.ok()
        assert (fresh / "big.bin").read_bytes() == BIG + b"first" and (fresh / "data/a").read_bytes() == b"first"
    else:
        with Project.open(here) as project, connected(project, choose(project), sending=False) as connection:
            assert not connection.complete([digest_of(BIG + b"first")])
            assert connection.absent([digest_of(BIG + b"first")])


def test_a_branch_of_the_git_remote_that_is_not_here_stops_it(here: Path) -> None:
    clone = consented(cloned(here))
    git("-C", str(clone), "checkout", "-qb", "side", cwd=here)
    git("-C", str(clone), "-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m", "side", cwd=here)
    git("remote", "add", "git", str(clone), cwd=here)
    with pytest.raises(HistoryIncomplete, match="refs/heads/side of the Git remote `git` is not here") as caught:
        collected(here)
    assert "fetch --all --tags" in (caught.value.hint or "")
    git("fetch", "-q", "git", cwd=here)
    assert collected(here).condemned_count == 3
    git("remote", "set-url", "git", str(here.parent / "nowhere"), cwd=here)
    with pytest.raises(HistoryIncomplete, match="cannot be asked"):
        collected(here)


def test_a_relative_address_of_a_git_remote_starts_where_git_has_it_start(here: Path) -> None:
    clone = consented(cloned(here))
    git("remote", "add", "git", f"../{clone.name}", cwd=here)
    git("fetch", "-q", "git", cwd=here)
    collected(here)


def test_a_branch_that_only_the_git_remote_names_keeps_its_data(here: Path) -> None:
    """Its commit is here, and no ref of ours reaches it."""
    clone = cloned(here)
    git("push", "-q", str(clone), f"{lost_commit(here)}:refs/heads/kept", cwd=here)
    git("remote", "add", "git", str(clone), cwd=here)
    assert collected(here).condemned_count == 0


def test_a_shallow_clone_collects_nothing_at_a_remote(here: Path) -> None:
    git("clone", "-q", "--depth", "1", here.as_uri(), str(here.parent / "shallow"), cwd=here.parent)
    shallow = consented(here.parent / "shallow")
    for force in (False, True):
        with pytest.raises(HistoryIncomplete, match="shallow"):
            collected(shallow, force=force)


def test_a_pack_that_is_mostly_dead_is_written_anew(here: Path) -> None:
    emptied(here)
    write_tree(here, {f"many/{number:02}": bytes([number]) * 9000 for number in range(20)})
    track("add", "many", cwd=here).ok()
    commit_all(here, "many")
    track("push", cwd=here).ok()
    for number in range(2, 20):
        (here / f"many/{number:02}").unlink()
    track("add", "many", cwd=here).ok()
    git("commit", "-q", "--amend", "-m", "few", cwd=here)
    track("push", cwd=here).ok()
    forget(here)
    age(here)
    done = collected(here)
    assert done.copied_count == 2 and done.copied_bytes == 18_000 and done.condemned_count >= 1
    age(here)
    assert collected(here).deleted_bytes > 150_000
    track("verify", "--remote", "origin", cwd=here).ok()
    clone = cloned(here)
    track("pull", cwd=clone).ok()
    assert (clone / "many/01").read_bytes() == bytes([1]) * 9000


def test_a_pack_of_which_something_needed_is_damaged_stays(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emptied(here)
    monkeypatch.setattr(condemning, "live_entries", _damaged)
    write_tree(here, {f"many/{number:02}": bytes([number]) * 9000 for number in range(20)})
    track("add", "many", cwd=here).ok()
    track("push", cwd=here).ok()
    for number in range(2, 20):
        (here / f"many/{number:02}").unlink()
    track("add", "many", cwd=here).ok()
    track("push", cwd=here).ok()
    forget(here)
    age(here)
    assert collected(here).copied_count == 0
    age(here)
    collected(here)
    track("verify", "--remote", "origin", cwd=here).ok()


def _damaged(*_: object) -> None:
    raise condemning.DamagedObject("damaged")


def test_a_push_of_another_clone_that_is_under_way_stops_the_deletion(here: Path) -> None:
    collected(here)
    age(here)
    claim = here.parent / "remote/roots" / ("e" * 32) / "00000001-00000000.claim"
    claim.parent.mkdir()
    claim.write_bytes(dump_roots(RootsEntry("e" * 32, False, {"HEAD": (digest_of(b"on its way"),)})))
    track("config", "lock.timeout", "0", cwd=here).ok()
    with pytest.raises(Locked, match=r"a push to .* is under way, or was killed: nothing was deleted") as caught:
        collected(here)
    assert "eeeeeeee" in "".join(caught.value.details)
    with Project.open(here) as project:
        assert not any(one.tombstone.kind == "deleting" for one in _tombstones(project))
    assert object_key(digest_of(BIG + b"first")) in at_remote(here)
    then = time.time() - 8 * DAY_S
    os.utime(claim, (then, then))  # whoever claimed it was killed a week ago
    assert collected(here).deleted_count == 3 and not claim.exists()


def _tombstones(project: Project) -> list:  # type: ignore[type-arg]  # of what is found there
    from track.flows.remotes import choose, connected

    with connected(project, choose(project), sending=False) as remote:
        return read_tombstones(remote.place)


@pytest.mark.parametrize("force", [False, True])
def test_a_version_that_comes_while_a_collection_looks_keeps_what_is_below_it(
    here: Path, force: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long push ends between two looks of a collection whose clone has heard of its version before."""
    clone = consented(cloned(here))
    track("pull", cwd=clone).ok()
    before = at_remote(here)
    write_tree(clone, {"data/a": b"first", "data/new": b"new"})  # the former is there, from a version nobody needs
    track("add", "data", cwd=clone).ok()
    commit_all(clone, "third")
    track("push", cwd=clone).ok()
    there = here.parent / "remote"
    (entry,) = (there / name for name in at_remote(here, "roots/") - before)
    (segment,) = (there / name for name in at_remote(here, "index/") - before)
    claim, unsent = entry.with_name(f"{entry.name}.claim"), here.parent / "unsent"
    entry.rename(claim)
    segment.rename(unsent)
    root = _root(clone)
    if force:
        git("fetch", "-q", str(clone), "main:third", cwd=here)
    else:
        write_tree(here, {".git/track/shared/ada/run": f'digest = "{root}"'.encode()})
    assert collected(here, force=force).condemned_count
    age(here)
    made = deleting.Mark.__init__

    def late(self: deleting.Mark, place: Place, writer: str) -> None:
        unsent.rename(segment)
        claim.rename(entry)
        made(self, place, writer)

    monkeypatch.setattr(deleting.Mark, "__init__", late)
    assert collected(here, force=force).deleted_count
    fresh = cloned(clone, "fresh")
    track("pull", cwd=fresh).ok()
    assert (fresh / "data/a").read_bytes() == b"first" and (fresh / "data/new").read_bytes() == b"new"


def _root(repo: Path) -> Digest:
    return parse_pointer((repo / "data.track").read_bytes(), "data.track").digest


def test_a_claim_of_which_everything_is_there_keeps_it_and_stops_nothing(here: Path) -> None:
    collected(here)
    age(here)
    claim = here.parent / "remote/roots" / ("e" * 32) / "00000001-00000000.claim"
    claim.parent.mkdir()
    claim.write_bytes(dump_roots(RootsEntry("e" * 32, False, {"HEAD": (digest_of(BIG + b"first"),)})))
    done = collected(here)
    assert (done.deleted_count, done.spared_count) == (1, 2)  # the object, and its recipe
    assert object_key(digest_of(BIG + b"first")) in at_remote(here)


def test_two_collections_at_once_do_not_both_delete(here: Path) -> None:
    collected(here)
    age(here)
    mark = here.parent / "remote/tombstones/00000009-00000000"
    mark.write_text(f'format = 2\nkind = "deleting"\nwriter = "{"e" * 32}"\n')
    with pytest.raises(Locked, match="another collection is deleting"):
        collected(here)
    then = time.time() - 2 * 3600
    os.utime(mark, (then, then))  # it was killed
    assert collected(here).deleted_count == 3 and not mark.exists()


def test_a_manifest_that_is_nowhere_stops_it(here: Path) -> None:
    clone = consented(cloned(here))
    track("pull", cwd=clone).ok()
    write_tree(clone, {"data/a": b"third"})
    track("add", "data", cwd=clone).ok()
    track("push", cwd=clone).ok()
    age(here)
    newest = max((here.parent / "remote/index").iterdir(), key=lambda path: path.stat().st_mtime)
    newest.unlink()
    before = files_below(here.parent / "remote")
    done = collected(here)
    assert done.is_stopped and done.exit_code == 4 and len(done.lost) == 1 and "clone " in done.lost[0].name
    assert files_below(here.parent / "remote") == before
    assert not collected(here, force=True).is_stopped


def test_an_index_or_a_roots_entry_that_cannot_be_read_stops_it(here: Path) -> None:
    for kind in ("index", "roots"):
        path = sorted(path for path in (here.parent / "remote" / kind).rglob("*") if path.is_file())[0]
        content = path.read_bytes()
        path.write_bytes(content[:-20] + b"?" * 20)
        (here / ".git/track/remotes/origin.db").unlink()
        with pytest.raises(HistoryIncomplete, match=f"^{kind}/.* cannot be read"):
            collected(here)
        path.write_bytes(content)


def test_what_a_killed_push_left_behind_goes(here: Path) -> None:
    emptied(here)
    left = here.parent / "remote/packs/ab" / ("c" * 62 + ".pack")
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half of something")
    assert collected(here).young_count == 1
    age(here)
    assert collected(here).condemned_count == 1
    age(here)
    assert collected(here).deleted_count == 1 and not left.exists()


def test_the_line_says_what_happened_and_what_waits(here: Path) -> None:
    dry = track("gc", "--remote", "-n", cwd=here).ok()
    assert "big.bin  1 version" in dry.out and "3 files" in dry.out and "would be condemned at origin" in dry.out
    first = track("gc", "--remote", cwd=here).ok()
    assert "condemned at origin" in first.out and "the first may go in 24 hours" in first.err
    assert "nothing is condemned or deleted" in track("gc", "--remote", "origin", cwd=here).ok().out
    age(here)
    document = track("gc", "--remote", "origin", "--json", cwd=here).ok().json
    assert document["deleted"]["files"] == 3 and document["remote"] == "origin"
    assert track("gc", "--remote", "nowhere", cwd=here).code == 5
    assert track("gc", "--remote", "--grace", "3", cwd=here).code == 2


def test_the_list_for_readers_through_a_web_server_follows_a_collection(here: Path) -> None:
    track("remote", "publish", cwd=here).ok()
    listing = here.parent / "remote/listing"
    before = listing.read_bytes()
    assert b"tombstones/" not in before
    track("gc", "--remote", "origin", cwd=here).ok()
    place = open_folder(here.parent / "remote")
    assert listing.read_bytes() != before
    assert parse_listing(listing.read_bytes()) == parse_listing(dump_listing(all_of(place)))
    assert b"tombstones/" in listing.read_bytes()


def all_of(place: Place) -> list[Listed]:
    return [one for prefix in LISTED for one in place.list(prefix)]


def test_a_plan_needs_only_to_list_and_to_read(
    here: Path, s3_server: Seaweed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    url = f"s3://{BUCKET}/plan/{tmp_path.parent.name}-{tmp_path.name}"
    track("remote", "add", "box", url, "--endpoint", s3_server.endpoint, cwd=here).ok()
    track("push", "box", "--all", cwd=here).ok()
    for name, value in NO_WRITE.environment.items():
        monkeypatch.setenv(name, value)
    assert "nothing was changed (--dry-run)" in track("gc", "--remote", "box", "-n", cwd=here).ok().err
    assert track("gc", "--remote", "box", cwd=here).code == 5


def test_a_plan_writes_nothing_where_nothing_may_be_sent(here: Path) -> None:
    track("config", "--clone", "remote.origin.read-only", "true", cwd=here).ok()
    before = {path: path.stat().st_mtime_ns for path in (here.parent / "remote").rglob("*")}
    dry = track("gc", "--remote", "-n", cwd=here).ok()
    assert "big.bin  1 version" in dry.out and "nothing was changed (--dry-run)" in dry.err
    assert {path: path.stat().st_mtime_ns for path in (here.parent / "remote").rglob("*")} == before
    assert "is only read" in track("gc", "--remote", cwd=here).err
