"""Purge: a version is gone for good, everywhere and at once; everything else stays, and everybody is told why."""

import os
import random
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, files_below
from support.trees import read_tree, write_tree
from track.errors import (
    Conflict,
    HistoryIncomplete,
    Locked,
    MissingObject,
    PurgedObject,
    RemoteUnreachable,
    TrackError,
    UsageError,
)
from track.flows import send as flow
from track.flows.reach import versions
from track.model.digest import digest_of
from track.project import Project
from track.store import purging
from track.store.backends.folder import FolderPlace
from track.store.layout import PACKS
from track.store.purging import purge_there
from track.store.roots import RootsEntry, dump_roots
from track.store.tombstones import parse_tombstone
from track.verbs import purge as purge_verb
from track.verbs.purge import Purged, purge
from track.verbs.push import push
from track.verbs.shrink import shrink

BIG = random.Random(1).randbytes(1_500_000)
OTHER = random.Random(2).randbytes(1_500_000)
PIECE = BIG[700_000:704_000]
"""Some of it, which lies within one chunk."""
SECRET = b"a name and an address " * 40


@pytest.fixture
def here(repo: Path) -> Path:
    """Two remotes with two versions; the first one has something that must not stay."""
    track("init", cwd=repo).ok()
    for name in ("origin", "second"):
        track("remote", "add", name, f"../{name}", cwd=repo).ok()
    track("config", "core.remote", "origin", cwd=repo).ok()
    write_tree(repo, {"people/a": SECRET, "people/same": b"the same", "big.bin": BIG, "table.csv": b"a,b\n"})
    track("add", "people", "big.bin", "table.csv", cwd=repo).ok()
    commit_all(repo, "first")
    git("tag", "v1", cwd=repo)
    write_tree(repo, {"people/a": b"nobody", "big.bin": OTHER})
    track("add", "people", "big.bin", cwd=repo).ok()
    commit_all(repo, "second")
    for name in ("origin", "second"):
        track("push", name, "main", cwd=repo).ok()
        track("push", name, "v1", cwd=repo).ok()
    return repo


def purged(repo: Path, artifact: str, rev: str | None = "v1", **options: object) -> Purged:
    with Project.open(repo) as project:
        return purge(project, artifact, rev, reason="consent was withdrawn", **options)  # type: ignore[arg-type]  # each test names its own


def everything(folder: Path) -> bytes:
    return b"".join(files_below(folder).values())


def test_a_version_is_gone_from_every_remote_and_from_here(here: Path) -> None:
    places = [here.parent / "origin", here.parent / "second", here / ".git/track/store"]
    assert all(SECRET in everything(place) for place in places)
    done = purged(here, "people")
    assert done.objects_count == 2 and done.shared_count == 1 and done.exit_code == 1
    assert [one.remote for one in done.remotes] == ["origin", "second"]
    assert not any(SECRET in everything(place) for place in places)
    for name in ("origin", "second"):
        track("verify", "--remote", name, cwd=here).ok()
    track("checkout", cwd=here).ok()
    clone = cloned(here)
    track("pull", cwd=clone).ok()
    assert (clone / "people/a").read_bytes() == b"nobody" and (clone / "people/same").read_bytes() == b"the same"
    assert (clone / "big.bin").read_bytes() == OTHER and (clone / "table.csv").read_bytes() == b"a,b\n"


def test_a_large_object_goes_with_its_recipe(here: Path) -> None:
    digest = digest_of(BIG)
    assert PIECE in everything(here.parent / "origin")
    done = purged(here, "big.bin")
    assert (done.objects_count, done.shared_count, done.exit_code) == (1, 0, 0)
    for folder in (here.parent / "origin", here.parent / "second", here / ".git/track/store"):
        assert PIECE not in everything(folder)
        assert not any(digest.hex()[2:] in name for name in files_below(folder) if not name.startswith("tombstones/"))
    track("verify", "--remote", "origin", cwd=here).ok()
    track("pull", cwd=cloned(here)).ok()


def test_what_was_removed_when_by_whom_and_why_is_written_down(here: Path) -> None:
    purged(here, "big.bin")
    for folder in (here.parent / "origin", here / ".git/track/store"):
        (name,) = [name for name in files_below(folder) if name.startswith("tombstones/")]
        tombstone = parse_tombstone((folder / name).read_bytes(), name)
        assert tombstone.kind == "purged" and tombstone.objects == {digest_of(BIG)} and tombstone.purge is not None
        assert tombstone.purge.reason == "consent was withdrawn" and tombstone.purge.paths == ("big.bin",)
        assert tombstone.purge.by == "Ada Lovelace <ada@example.org>"


WORDS = "was purged on 20"


@pytest.mark.parametrize(
    "command",
    [("checkout", "v1"), ("fetch", "origin", "v1"), ("cat", "v1:big.bin"), ("get", "-o", "x", "v1:big.bin")],
)
def test_whoever_misses_it_is_told_that_it_was_purged_and_why(here: Path, command: tuple[str, ...]) -> None:
    purged(here, "big.bin")
    for repo in (here, cloned(here)):
        if repo != here:
            track("fetch", "origin", "v1", cwd=repo)  # which learns it from the remote
        done = track(*command, cwd=repo)
        assert done.code == 4, done.err
        assert WORDS in done.err and "because: consent was withdrawn" in done.err and "gone for good" in done.err


def test_no_push_sends_it_again(here: Path) -> None:
    clone = cloned(here)
    track("trust", "--yes", cwd=clone).ok()
    purged(here, "big.bin")
    write_tree(clone, {"big.bin": BIG})
    track("add", "big.bin", cwd=clone).ok()
    with Project.open(clone) as project:
        refused = push(project, "origin").refused
    assert len(refused) == 1 and isinstance(refused[0], PurgedObject) and WORDS in refused[0].message
    done = track("push", "origin", cwd=clone)
    assert done.code == 4 and "consent was withdrawn" in done.err
    assert PIECE not in everything(here.parent / "origin")


def test_what_comes_altered_is_not_written_anew_in_place_of_what_is_sound(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pack with something else in it comes with a wrong bit, once."""
    get, altered = FolderPlace.get, set[str]()

    def get_altered(place: FolderPlace, key: str) -> bytes:
        data = get(place, key)
        if not key.startswith(PACKS) or b"nobody" not in data or key in altered:
            return data
        altered.add(key)
        return data.replace(b"nobody", b"nobodx")

    with monkeypatch.context() as broken:
        broken.setattr(FolderPlace, "get", get_altered)
        purged(here, "table.csv", "v1", shared=True)
    assert altered
    assert b"nobody" in everything(here.parent / "origin/packs") and b"nobodx" not in everything(here.parent / "origin")


@pytest.mark.parametrize("has_it", [True, False])
def test_what_is_damaged_there_is_put_right_from_here_or_told_and_left_out(here: Path, has_it: bool) -> None:
    packs = here.parent / "origin/packs"
    for path, content in files_below(packs).items():
        if b"nobody" in content:
            os.chmod(packs / path, 0o600)
            (packs / path).write_bytes(content.replace(b"nobody", b"nobodx"))
    clone = here
    if not has_it:
        clone = cloned(here)
        for name in ("origin", "second"):
            track("remote", "add", name, f"../{name}", cwd=clone).ok()
    done = purged(clone, "table.csv", "v1", shared=True)
    origin = next(one for one in done.remotes if one.remote == "origin")
    assert b"nobodx" not in everything(here.parent / "origin")
    assert (b"nobody" in everything(packs)) == has_it
    assert origin.lost == (() if has_it else (digest_of(b"nobody"),))
    assert done.exit_code == (0 if has_it else 1)
    track("repair", "--remote", "origin", cwd=here).ok()  # a clone that has it
    assert b"nobody" in everything(here.parent / "origin")
    looked = track("verify", "--remote", "origin", "--deep", cwd=here)
    assert "people" not in looked.out and "1 problem\n" in looked.out  # what was purged


def test_what_other_versions_are_made_of_stays_unless_it_is_said(here: Path) -> None:
    with pytest.raises(Conflict, match="belongs to other versions too"):
        purged(here, "table.csv", "v1", dry_run=True) if _copied(here) else None
    done = purged(here, "table.csv", "v1", shared=True)
    assert done.objects_count == 1
    assert b"a,b\n" not in everything(here.parent / "origin")


def _copied(here: Path) -> bool:
    """The same content under another name."""
    write_tree(here, {"copy.csv": b"a,b\n", "also/x": b"a,b\n"})
    track("add", "also", cwd=here).ok()
    commit_all(here, "a directory with the same file")
    return True


def test_a_dry_run_changes_nothing(here: Path) -> None:
    before = {name: files_below(here.parent / name) for name in ("origin", "second")}
    store = files_below(here / ".git/track/store/packs")
    done = purged(here, "big.bin", dry_run=True)
    assert done.is_dry and done.objects_count == 1
    assert {name: files_below(here.parent / name) for name in before} == before
    assert files_below(here / ".git/track/store/packs") == store


def test_a_remote_that_is_not_there_is_told_and_the_same_command_goes_on(here: Path) -> None:
    os.rename(here.parent / "second", here.parent / "away")
    done = purged(here, "big.bin")
    assert [one.error is None for one in done.remotes] == [True, False] and done.exit_code == 5
    os.rename(here.parent / "away", here.parent / "second")
    done = purged(here, "big.bin")
    assert done.exit_code == 0 and [one.error for one in done.remotes] == [None, None]
    assert PIECE not in everything(here.parent / "second")


def test_again_is_fine(here: Path) -> None:
    purged(here, "people")
    before = files_below(here.parent / "origin")
    done = purged(here, "people")
    assert done.objects_count == 2
    assert files_below(here.parent / "origin").keys() == before.keys()


def test_what_cannot_be_purged_is_refused(here: Path) -> None:
    with Project.open(here) as project, pytest.raises(UsageError, match="needs a reason"):
        purge(project, "big.bin", "v1", reason=" ")
    with pytest.raises(UsageError, match="not an artifact of its own"):
        purged(here, "people/a")
    track("add", "--value", "42", "answer", cwd=here)


def test_the_command_asks_for_a_reason_and_a_yes(here: Path) -> None:
    without = track("purge", "big.bin@v1", cwd=here)
    assert without.code == 2 and "hint: track purge big.bin@v1 --because 'WHY'\n" in without.err
    without = track("purge", "-n", "big.bin@v1", cwd=here)
    assert without.code == 2 and "hint: track purge -n big.bin@v1 --because 'WHY'\n" in without.err
    done = track("purge", "big.bin@v1", "--shared", "--because", "it's over", cwd=here)
    assert done.code == 2 and "nobody is here to say yes" in done.err
    assert "hint: track purge --yes --shared big.bin@v1 --because='it'\\''s over'\n" in done.err
    dry = track("purge", "-n", "big.bin@v1", "--because", "x", cwd=here).ok()
    assert "would be removed for good" in dry.out
    document = track("purge", "--yes", "big.bin@v1", "--because", "x", "--json", cwd=here).ok().json
    assert document["objects"] == 1 and [one["remote"] for one in document["remotes"]] == ["origin", "second"]
    assert track("purge", "--yes", "nothing", "--because", "x", cwd=here).code == 2


def test_what_was_pushed_since_stays_when_the_same_is_purged_again(here: Path) -> None:
    long = random.Random(3).randbytes(19 << 20)
    write_tree(here, {"big.bin": long})
    track("add", "big.bin", cwd=here).ok()
    commit_all(here, "long")
    git("tag", "long", cwd=here)
    track("push", "origin", cwd=here).ok()
    purged(here, "big.bin", "long")
    write_tree(here, {"big.bin": long[: 18 << 20]})  # of which the first pack of chunks is the same
    track("add", "big.bin", cwd=here).ok()
    commit_all(here, "without the end, in which the names were")
    track("push", "origin", cwd=here).ok()
    purged(here, "big.bin", "long")
    track("verify", "--remote", "origin", cwd=here).ok()
    track("pull", cwd=cloned(here)).ok()


def test_a_push_under_way_loses_nothing_to_a_purge(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = cloned(here)
    track("pull", cwd=clone).ok()
    track("trust", "--yes", cwd=clone).ok()
    write_tree(clone, {"big.bin": OTHER[:1_000_000] + b"an edit" + OTHER[1_000_000:]})
    track("add", "big.bin", cwd=clone).ok()
    commit_all(clone, "edited")
    track("config", "lock.timeout", "1", cwd=here).ok()
    send = flow.send
    errors: list[TrackError | None] = []

    def send_after(*args: object, **options: object) -> object:
        errors.extend(one.error for one in purged(here, "big.bin", None).remotes)
        return send(*args, **options)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr("track.verbs.push.send", send_after)
    with Project.open(clone) as project:
        push(project, "origin")
    assert isinstance(errors[0], Locked) and "a push to" in errors[0].message
    track("verify", "--remote", "origin", cwd=clone).ok()
    track("pull", cwd=cloned(clone, "fresh")).ok()
    again = purged(here, "big.bin", None).remotes[0]
    assert again.error is None and again.kept_packs == ()
    track("verify", "--remote", "origin", cwd=clone).ok()


def test_what_a_collection_left_of_a_version_is_said_to_stay_in_a_pack_that_is_damaged(repo: Path) -> None:
    """Its recipe went in a collection, and most of the pack is needed by another version, which is not whole there."""
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../origin", cwd=repo).ok()
    first = random.Random(3).randbytes(3 << 20)
    for content in (first, first[: 2 << 20] + b"another end"):
        write_tree(repo, {"big.bin": content})
        track("add", "big.bin", cwd=repo).ok()
        commit_all(repo, "more")
        track("push", cwd=repo).ok()
    git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all", cwd=repo)
    for path in (repo / ".git/track/trash").rglob("*.json"):  # what a step could bring back
        path.unlink()
    for _ in range(2):
        for path in (repo.parent / "origin").rglob("*"):
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 2 * 86_400))
        track("gc", "--remote", "--keep", "tips", "--min-copies", "0", cwd=repo).ok()
    piece = first[5 << 19 :][:400]
    (pack,) = (path for path in (repo.parent / "origin/packs").rglob("*.pack") if piece in path.read_bytes())
    content = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(content.replace(first[1 << 20 :][:400], bytes(400)))
    done = purged(repo, "big.bin", "HEAD~")
    (there,) = done.remotes
    assert there.doubtful_packs and not there.kept_packs and done.exit_code == 1
    again = track("purge", "big.bin@HEAD~", "--because", "consent was withdrawn", "--yes", cwd=repo)
    assert again.code == 1 and "1 pack at origin stays: it is damaged, and maybe has pieces of it" in again.err


def other_version(here: Path) -> Path:
    """A clone with a version of its own, in no history but its own, which shares a file with the one to purge."""
    clone = cloned(here, "other")
    track("trust", "--yes", cwd=clone).ok()
    write_tree(clone, {"theirs/copy": SECRET, "theirs/more": b"theirs alone"})
    track("add", "theirs", cwd=clone).ok()
    commit_all(clone, "theirs")
    track("push", "origin", cwd=clone).ok()
    return clone


def theirs_is_whole(clone: Path, name: str) -> None:
    track("verify", "--remote", "origin", cwd=clone).ok()
    fresh = cloned(clone, name)
    track("pull", "--", "theirs", cwd=fresh).ok()
    assert (fresh / "theirs/copy").read_bytes() == SECRET and (fresh / "theirs/more").read_bytes() == b"theirs alone"


def test_what_a_version_is_made_of_stays_though_its_manifest_is_at_the_remote_alone(here: Path) -> None:
    with Project.open(here) as project:
        assert shrink(project, 1) is not None
        v1 = bytes(versions(project, ["v1"], [b"people"]).versions[0].pointer.digest)
        assert project.store.absent([v1]) == {v1}
    done = purged(here, "people", rev=None)
    assert done.shared_count == 1 and not any(one.error for one in done.remotes)
    clone = cloned(here)
    git("checkout", "-q", "v1", cwd=clone)
    track("pull", cwd=clone).ok()
    assert (clone / "people/a").read_bytes() == SECRET and (clone / "people/same").read_bytes() == b"the same"


def test_a_remote_that_did_not_answer_before_is_asked_before_anything_goes_there(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(here) as project:
        assert shrink(project, 1) is not None
    decided = purge_verb.needed_beside

    def alone(*args: object) -> set[bytes]:
        for name in ("origin", "second"):
            (here.parent / name).rename(here.parent / f"{name}-away")
        found = decided(*args)  # type: ignore[arg-type]  # as it was called
        for name in ("origin", "second"):
            (here.parent / f"{name}-away").rename(here.parent / name)
        return found

    monkeypatch.setattr("track.verbs.purge.needed_beside", alone)
    done = purged(here, "people", rev=None)
    assert [type(one.error) for one in done.remotes] == [Conflict, Conflict]


def test_what_only_another_clone_needs_stays_unless_it_is_said(here: Path) -> None:
    clone = other_version(here)
    assert purged(here, "people", dry_run=True).shared_count == 2
    done = purged(here, "people")
    assert done.shared_count == 2 and done.exit_code == 1
    theirs_is_whole(clone, "fresh")


def test_what_only_another_clone_needs_goes_when_it_is_said(here: Path) -> None:
    other_version(here)
    done = purged(here, "people", shared=True)
    assert done.objects_count == 3 and SECRET not in everything(here.parent / "origin")


def test_what_another_clone_pushed_while_it_was_decided_stays(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clones: list[Path] = []

    def meanwhile(*args: object, **options: object) -> object:
        if not clones:
            clones.append(other_version(here))
        return purge_there(*args, **options)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr("track.verbs.purge.purge_there", meanwhile)
    done = purged(here, "people")
    first = done.remotes[0].error
    assert isinstance(first, Conflict) and "another clone has pushed" in first.message and done.exit_code == 6
    theirs_is_whole(clones[0], "fresh")
    again = purged(here, "people")
    assert again.shared_count == 2 and again.remotes[0].error is None
    theirs_is_whole(clones[0], "fresher")


def test_what_another_clone_needs_and_cannot_be_read_stops_it(here: Path) -> None:
    other_version(here)
    for path in (here.parent / "origin/packs").rglob("*.pack"):
        if b"theirs alone" in path.read_bytes():
            path.unlink()
    before = files_below(here.parent / "origin").keys()
    with pytest.raises(MissingObject, match="nobody knows what is below it"):
        purged(here, "people")
    assert files_below(here.parent / "origin").keys() == before
    assert purged(here, "people", shared=True).remotes[0].error is None


@pytest.mark.parametrize("what", ["what clone eeeeeeee needs", "roots/e{32}/00000001-00000000"])
def test_a_word_of_another_clone_that_nobody_can_follow_stops_it(here: Path, what: str) -> None:
    entry = here.parent / "origin/roots" / ("e" * 32) / "00000001-00000000"
    entry.parent.mkdir()
    said = dump_roots(RootsEntry("e" * 32, True, {"HEAD": (digest_of(b"nowhere"),)}))
    entry.write_bytes(said if "clone" in what else said[:-5])
    with pytest.raises(HistoryIncomplete, match=f"{what} at .* cannot be read") as caught:
        purged(here, "people")
    assert "track repair --remote origin" in (caught.value.hint or "")
    assert SECRET in everything(here.parent / "origin")


def test_a_push_that_was_killed_is_named_with_the_way_out_and_counts_for_a_week(here: Path) -> None:
    track("config", "lock.timeout", "0", cwd=here).ok()
    claim = here.parent / "origin/roots" / ("e" * 32) / "00000001-00000000.claim"
    claim.parent.mkdir()
    claim.write_bytes(dump_roots(RootsEntry("e" * 32, False, {"HEAD": (digest_of(b"on its way"),)})))
    then = time.time() - 3 * 3600 - 60
    os.utime(claim, (then, then))
    done = track("purge", "people@v1", "--because", "consent", "--yes", cwd=here)
    assert done.code == 6
    assert "clone eeeeeeee claimed 1 version 3 hours ago; if it was killed, this counts until " in done.err
    assert "track gc --remote origin --forget eeeeeeee" in done.err
    assert SECRET in everything(here.parent / "origin")
    assert SECRET not in everything(here.parent / "second")

    then = time.time() - 7 * 86_400 - 60
    os.utime(claim, (then, then))
    assert track("purge", "people@v1", "--because", "consent", "--yes", cwd=here).code == 1  # the same stays
    assert SECRET not in everything(here.parent / "origin")


def test_what_the_hint_says_ends_the_wait_for_a_killed_push(here: Path) -> None:
    track("config", "lock.timeout", "0", cwd=here).ok()
    claim = here.parent / "origin/roots" / ("e" * 32) / "00000001-00000000.claim"
    claim.parent.mkdir()
    claim.write_bytes(dump_roots(RootsEntry("e" * 32, False, {"HEAD": (digest_of(b"on its way"),)})))
    assert track("purge", "people@v1", "--because", "consent", "--yes", cwd=here).code == 6
    track("gc", "--remote", "origin", "--forget", "eeeeeeee", cwd=here).ok()
    assert not claim.exists()
    assert track("purge", "people@v1", "--because", "consent", "--yes", cwd=here).code == 1  # the same stays
    assert SECRET not in everything(here.parent / "origin")


def test_a_push_of_a_history_that_names_it_says_why_it_is_gone_and_sends_the_rest(here: Path) -> None:
    purged(here, "big.bin")
    purged(here, "people")
    write_tree(here, {"new.bin": b"new"})
    track("add", "new.bin", cwd=here).ok()
    commit_all(here, "new")
    other = cloned(here, "other")
    for repo in (here, other):
        track("trust", "--yes", cwd=repo).ok()
        done = track("push", "origin", "v1", "main", cwd=repo)
        assert done.code == 4 and "big.bin was purged on 20" in done.err and "people was purged on 20" in done.err
        assert "because: consent was withdrawn" in done.err and "track rm --cached people" in done.err
        assert "neither here nor" not in done.err
        track("push", "origin", "main", cwd=here).ok()
    fresh = cloned(here, "fresh")
    track("pull", cwd=fresh).ok()
    assert (fresh / "new.bin").read_bytes() == b"new"


def test_a_git_push_of_a_history_that_names_it_says_so_and_goes_on(here: Path) -> None:
    purged(here, "big.bin")
    git("init", "--quiet", "--bare", "../bare.git", cwd=here)
    other = cloned(here, "other")
    for repo, mode in ((here, "upload"), (other, "upload"), (other, "check")):
        track("hooks", "install", cwd=repo).ok()
        track("trust", "--yes", cwd=repo).ok()
        track("config", "--clone", "hooks.pre-push", mode, cwd=repo).ok()
        git("update-ref", "-d", "refs/remotes/origin/main", cwd=repo)
        done = subprocess.run(
            ["git", "push", "../bare.git", f"v1:refs/heads/{repo.name}-{mode}"],
            cwd=repo, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "track: big.bin was purged on 20" in done.stderr and "the commits go without it" in done.stderr


def test_what_a_purge_that_broke_off_left_behind_goes_with_a_collection(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index names it no more, and nobody runs the same purge again."""

    def lost(*_: object) -> None:
        raise RemoteUnreachable("the line is cut", hint="again")

    with monkeypatch.context() as patch:
        patch.setattr(purging, "in_threads", lost)
        done = purged(here, "people")
    assert done.exit_code == 5
    origin = here.parent / "origin"
    assert SECRET in everything(origin)
    for _ in range(2):
        for path in origin.rglob("*"):
            if path.is_file():
                os.utime(path, (path.stat().st_mtime - 2 * 86_400,) * 2)
        track("gc", "--remote", "origin", cwd=here).ok()
    assert SECRET not in everything(origin)
    track("verify", "--remote", "origin", cwd=here).ok()


def test_a_purged_manifest_that_the_history_still_names_stops_no_collection(here: Path) -> None:
    """What lay below it was removed with it, so nobody has to know what that was."""
    assert purged(here, "people").exit_code in (0, 1)
    for command in (("gc", "--grace", "0"), ("gc", "--remote", "origin"), ("gc", "--remote", "second", "-n")):
        assert "neither here nor" not in track(*command, cwd=here).ok().err
    clone = cloned(here)
    track("pull", cwd=clone).ok()
    assert (clone / "people/same").read_bytes() == b"the same"


def test_a_version_that_lost_a_part_of_its_manifest_is_said_to_be_purged_as_others_are(repo: Path) -> None:
    """Another version was purged with all that they share; this one's own manifest is still there."""
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../origin", cwd=repo).ok()
    write_tree(repo, {f"data/{number:05}": b"%d" % number for number in range(1500)})
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "first")
    git("tag", "v1", cwd=repo)
    track("push", cwd=repo).ok()
    write_tree(repo, {"data/00007": b"another"})
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "second")
    track("push", cwd=repo).ok()
    track("purge", "data@v1", "--shared", "--yes", "--because", "consent was withdrawn", cwd=repo).ok()
    clone = cloned(repo)
    done = track("fetch", cwd=clone)
    assert done.code == 4 and WORDS in done.err.splitlines()[0] and "consent was withdrawn" in done.err
    assert "neither here nor" not in done.err
    done = track("whereis", "data", cwd=clone)
    assert "everything" not in done.out
    done = track("push", cwd=repo)
    assert WORDS in done.err and "has everything" not in done.out and "neither here nor" not in done.err
    track("gc", "--remote", cwd=repo).ok()


@pytest.mark.parametrize("has_nodes", [True, False], ids=["the purger", "a clone that learned of it"])
def test_every_verb_that_meets_a_purged_part_of_a_manifest_says_so(repo: Path, has_nodes: bool) -> None:
    """Another version was purged with all that they share; the top of this one's manifest is still there."""
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../origin", cwd=repo).ok()
    write_tree(repo, {f"data/{number:05}": b"%d" % number for number in range(1500)})
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "first")
    git("tag", "v1", cwd=repo)
    write_tree(repo, {"data/00007": b"another"})
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "second")
    track("push", "origin", "v1", "main", cwd=repo).ok()
    place = repo
    if not has_nodes:
        place = cloned(repo)
        track("pull", cwd=place).ok()
    track("purge", "data@v1", "--shared", "--yes", "--because", "consent was withdrawn", cwd=repo).ok()
    if not has_nodes:
        shutil.rmtree(place / "data")
        store = place / ".git/track/store"
        shutil.rmtree(store / "packs")
        (store / "index.db").unlink()
        assert "consent was withdrawn" in track("pull", cwd=place).err
    for command, code in (
        (("verify",), 4),
        (("verify", "data"), 4),
        *([(("diff", "v1"), 4)] if has_nodes else []),  # to a clone, v1 is as good as what it never had
        (("cat", "data/00300"), 4),
        (("checkout", "--force"), 4),
        (("du",), 0),
        (("whereis", "data"), 0),
        (("ls", "data"), 4),
    ):
        done = track(*command, cwd=place)
        told = f"{done.out}\n{done.err}"
        assert done.code == code and "was purged on" in told and "consent was withdrawn" in told, (command, told)
        assert command[0] != "diff" or "--fetch" not in told


def test_the_files_of_a_purged_directory_go_into_the_trash_and_come_back(here: Path) -> None:
    repo = here
    track("push", cwd=repo).ok()
    track("purge", "people", "--shared", "--yes", "--because", "consent was withdrawn", cwd=repo).ok()
    files = read_tree(repo / "people")
    assert track("rm", "people", cwd=repo).code == 6, "they are saved nowhere"
    done = track("rm", "--force", "people", cwd=repo).ok()
    assert not (repo / "people").exists() and not (repo / "people.track").exists() and "track restore" in done.err
    track("restore", cwd=repo).ok()
    (number,) = re.findall(r"track restore (\d+)", done.err)
    track("restore", number, cwd=repo).ok()
    assert read_tree(repo / "people") == files and (repo / "people.track").exists()


def test_a_mirror_that_is_only_read_is_looked_at_and_does_not_fail_the_purge(here: Path) -> None:
    track("config", "--clone", "remote.origin.read-only", "true", cwd=here).ok()
    before = files_below(here.parent / "origin")
    words = ("purge", "--yes", "big.bin@v1", "--because", "as asked")
    done = track(*words, cwd=here).ok()
    assert (
        "origin (../origin) is only read, and still has 1 object of it: nothing is removed there from here" in done.err
    )
    assert "whoever may write there has to" in done.err and files_below(here.parent / "origin") == before
    assert "second  ../second  1 object removed" in done.out
    shutil.rmtree(here.parent / "origin")
    shutil.copytree(here.parent / "second", here.parent / "origin")
    assert "origin  ../origin  only read; nothing of it is there" in track(*words, cwd=here).ok().out
    shutil.rmtree(here.parent / "origin")
    done = track(*words, "--json", cwd=here).ok()
    assert [(one["read_only"], one["left"], one["error"]) for one in done.json["remotes"]] == [
        (False, 0, None), (True, None, None),
    ]  # fmt: skip
