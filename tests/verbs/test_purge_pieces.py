"""Purge of large files in chunks: what the version had alone goes from packs that others need, and those stay whole."""

import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import track as track_process
from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.seaweed import BUCKET, OWNER, Seaweed, place_at
from support.sharing import cloned, files_below
from support.trees import write_tree
from track.errors import MissingObject
from track.flows.remotes import choose, connected
from track.model.digest import digest_of
from track.project import Project
from track.store import pack, purged_pieces, remote
from track.store.backends import age
from track.store.chunk_reading import load_chunked
from track.store.inventory import everything
from track.store.known import Known
from track.store.layout import PACKS
from track.store.needing import Read, every_recipe
from track.store.place import Place
from track.store.segment import PackSize
from track.store.survey import publish_segment
from track.verbs.purge import PurgedRemote, purge

SHARED = random.Random(1).randbytes(2 << 20)
ALONE = random.Random(2).randbytes(1 << 20)
NEW = random.Random(3).randbytes(1 << 20)
FIRST = SHARED + ALONE
SECOND = SHARED + NEW


def middle(content: bytes) -> bytes:
    """A few bytes of it, which lie within one chunk; what is random is not compressed."""
    at = len(content) // 2
    return content[at : at + 400]


def version(repo: Path, content: bytes, message: str, path: str = "big.bin") -> None:
    write_tree(repo, {path: content})
    track("add", path, cwd=repo).ok()
    commit_all(repo, message)
    git("tag", message, cwd=repo)
    track("push", cwd=repo).ok()


@pytest.fixture
def here(repo: Path) -> Path:
    """Two versions of a large file, of which two thirds are the same."""
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    version(repo, FIRST, "first")
    version(repo, SECOND, "second")
    return repo


def purged(repo: Path, rev: str = "first") -> PurgedRemote:
    with Project.open(repo) as project:
        done = purge(project, "big.bin", rev, reason="consent was withdrawn")
    assert done.here_count in (0, 1)
    return done.remotes[0]


def at_remote(repo: Path, piece: bytes) -> bool:
    return any(piece in content for content in files_below(repo.parent / "remote").values())


def is_whole(repo: Path, name: str, content: bytes, path: str = "big.bin") -> None:
    track("verify", "--remote", "origin", "--deep", cwd=repo).ok()
    clone = cloned(repo, name)
    track("pull", cwd=clone).ok()
    assert (clone / path).read_bytes() == content


def spoil(repo: Path, piece: bytes, pack: bytes = b"") -> Path:
    """Flip a bit of the pack that has it, or of this one."""
    packs = (path for path in (repo.parent / "remote/packs").rglob("*.pack") if piece in path.read_bytes())
    (path,) = (path for path in packs if not pack or path.stem == pack.hex()[2:])
    content = bytearray(path.read_bytes())
    content[content.index(piece)] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    return path


def test_pieces_that_only_the_purged_version_had_leave_packs_that_others_need(here: Path) -> None:
    assert at_remote(here, middle(ALONE))
    done = track("purge", "--yes", "big.bin@first", "--because", "asked for", cwd=here).ok()
    assert "pieces" not in done.err
    assert not at_remote(here, middle(ALONE)) and at_remote(here, middle(SHARED)) and at_remote(here, middle(NEW))
    is_whole(here, "clone", SECOND)
    before = files_below(here.parent / "remote/packs")
    again = purged(here)
    assert (again.kept_packs, again.doubtful_packs) == ((), ())
    assert files_below(here.parent / "remote/packs") == before


def test_the_newer_of_two_goes_as_well(here: Path) -> None:
    assert purged(here, "second").kept_packs == ()
    assert not at_remote(here, middle(NEW)) and at_remote(here, middle(ALONE))
    git("checkout", "-q", "--orphan", "other", "first", cwd=here)
    commit_all(here, "the first")
    is_whole(here, "clone", FIRST)


def test_a_pack_of_which_others_need_all_stays_as_it_is(repo: Path) -> None:
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    version(repo, SHARED, "first")
    version(repo, SHARED + NEW, "second")
    (chunks,) = (path for path in (repo.parent / "remote/packs").rglob("*.pack") if middle(SHARED) in path.read_bytes())
    assert purged(repo, "second").kept_packs == ()
    assert chunks.exists() and not at_remote(repo, middle(NEW))
    git("checkout", "-q", "--orphan", "other", "first", cwd=repo)
    commit_all(repo, "the first")
    is_whole(repo, "clone", SHARED)


def test_the_next_push_from_here_sends_only_what_is_new(here: Path) -> None:
    purged(here)
    before = sum(map(len, files_below(here.parent / "remote/packs").values()))
    version(here, SECOND[: 1 << 20] + b"an edit" + SECOND[1 << 20 :], "third")
    assert sum(map(len, files_below(here.parent / "remote/packs").values())) - before < 500_000
    is_whole(here, "clone", SECOND[: 1 << 20] + b"an edit" + SECOND[1 << 20 :])


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_many_versions_whose_recipes_have_no_room_at_once(
    repo: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Each of six versions has something of the first one, in packs of half a MiB, beside something of its own."""
    monkeypatch.setattr(purged_pieces, "RECIPES_LIMIT", limit)
    monkeypatch.setattr(pack, "PACK_SIZE", 1 << 19)
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    first = random.Random(10).randbytes(3 << 20)
    kept = {}
    version(repo, first, "first")
    for number in range(6):
        at = number * 400_000
        kept[f"v{number}"] = first[at : at + 900_000] + random.Random(20 + number).randbytes(600_000)
        version(repo, kept[f"v{number}"], f"v{number}")
    alone = first[3_000_000:3_000_400]
    assert at_remote(repo, alone)
    there = purged(repo)
    assert (there.kept_packs, there.doubtful_packs) == ((), ())
    assert not at_remote(repo, alone)
    track("verify", "--remote", "origin", "--deep", cwd=repo).ok()
    clone = cloned(repo, "clone")
    for tag, content in kept.items():
        track("fetch", "origin", tag, cwd=clone).ok()
        track("get", "-o", str(clone / f"{tag}.bin"), f"{tag}:big.bin", cwd=clone).ok()
        assert (clone / f"{tag}.bin").read_bytes() == content
    with Project.open(clone) as project, connected(project, choose(project, None), sending=False) as connection:
        named = {one.digest for _, recipe in every_recipe(connection.place, connection.known) for one in recipe.packs}  # type: ignore[union-attr]  # all of them can be read
    files = {path.stem for path in (repo.parent / "remote/packs").rglob("*.pack")}
    assert {digest.hex()[2:] for digest in named} <= files


def test_a_damaged_pack_is_kept_and_told_and_goes_when_it_is_repaired(here: Path) -> None:
    path = spoil(here, middle(SHARED))
    done = track("purge", "--yes", "big.bin@first", "--because", "asked for", cwd=here)
    assert done.code == 1 and "1 pack at origin stays: it is damaged, and has pieces of it" in done.err
    assert "track repair --remote origin" in done.err
    assert path.exists() and at_remote(here, middle(ALONE))
    track("repair", "--remote", "origin", cwd=here)
    done = track("purge", "--yes", "big.bin@first", "--because", "asked for", cwd=here)
    assert done.code == 0, done.out + done.err
    there = {name: content for name, content in files_below(here.parent / "remote").items() if "quarantine" not in name}
    assert not any(middle(ALONE) in content for content in there.values())
    is_whole(here, "clone", SECOND)


def test_a_recipe_that_is_altered_on_its_way_lets_no_pack_go_that_it_names(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All recipes are read to see what others need, and again when packs are written anew."""
    read, reads = purged_pieces.every_recipe, 0

    def altered_later(place: Place, known: Known) -> Iterator[Read]:
        nonlocal reads
        reads += 1
        return (one if reads == 1 else one._replace(recipe=None) for one in read(place, known))

    with monkeypatch.context() as altered:
        altered.setattr(purged_pieces, "every_recipe", altered_later)
        there = purged(here)
    assert isinstance(there.error, MissingObject) and reads == 2
    is_whole(here, "clone", SECOND)
    assert purged(here).error is None and not at_remote(here, middle(ALONE))
    is_whole(here, "again", SECOND)


def twice(here: Path, before: Path, contents: tuple[bytes, ...]) -> None:
    """Have at `origin` also what another remote has of these contents, with recipes of other packs."""
    with (
        Project.open(before) as other,
        connected(other, choose(other, None), sending=False) as twin,
        Project.open(here) as project,
        connected(project, choose(project, None), sending=True) as connection,
    ):
        for one in twin.place.list(PACKS):
            connection.place.put(one.key, twin.place.get(one.key))
        wanted = {bytes(digest_of(content)) for content in contents}
        held = [one for one in everything(twin.known) if one.digest in wanted]
        sizes = [PackSize(*one) for one in twin.known.every_pack()]
        publish_segment(connection.place, connection.known, held, sizes)


@pytest.fixture
def twin(tmp_path: Path) -> Path:
    """Another project, at whose remote both versions lie in the packs of a third one."""
    twin = new_repository(tmp_path / "elsewhere/twin")
    track("init", cwd=twin).ok()
    track("remote", "add", "origin", "../remote", cwd=twin).ok()
    for number, content in enumerate((NEW + FIRST, FIRST, SECOND)):
        version(twin, content, f"v{number}")
    return twin


def test_an_object_that_is_there_in_two_ways_stays_in_one(here: Path, twin: Path) -> None:
    twice(here, twin, (SECOND,))
    there = purged(here)
    assert (there.kept_packs, there.doubtful_packs) == ((), ())
    is_whole(here, "clone", SECOND)


def test_of_two_recipes_the_one_whose_packs_are_sound_stays(here: Path, twin: Path) -> None:
    """Both name packs with pieces of what is purged, and of these the one that would be taken first is damaged."""
    twice(here, twin, (FIRST, SECOND))
    with Project.open(here) as project, connected(project, choose(project, None), sending=False) as connection:
        held = min(connection.known.chunked(digest_of(SECOND)), key=lambda one: one.pack or b"")
        recipe = load_chunked(connection.place, held)
        shared = max(recipe.packs, key=lambda one: one.entries_count).digest
    spoil(here, middle(SHARED), shared)
    assert purged(here).kept_packs == (shared,)
    clone = cloned(here)
    track("pull", cwd=clone)  # which may come upon the damaged pack first, and passes it by from then on
    track("pull", cwd=clone).ok()
    assert (clone / "big.bin").read_bytes() == SECOND


def test_what_a_collection_left_of_a_version_goes_too(repo: Path) -> None:
    """Its recipe went in a collection, and most of the pack is needed by another version."""
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    first = SHARED + random.Random(5).randbytes(500_000)
    version(repo, first, "first")
    version(repo, SHARED + b"another end", "second")
    git("tag", "--delete", "first", cwd=repo)
    git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all", cwd=repo)
    for path in (repo / ".git/track/trash").rglob("*.json"):  # what a step could bring back
        path.unlink()
    for _ in range(2):
        for path in (repo.parent / "remote").rglob("*"):
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 2 * 86_400))
        track("gc", "--remote", "--keep", "tips", "--min-copies", "0", cwd=repo).ok()
    piece = first[-250_000:][:400]
    assert at_remote(repo, piece)
    there = purged(repo, "HEAD~")
    assert (there.kept_packs, there.doubtful_packs) == ((), ())
    assert not at_remote(repo, piece)
    is_whole(repo, "clone", SHARED + b"another end")


def test_a_pull_that_knows_the_old_index_finds_the_chunks_where_they_are_now(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The purge comes after the pull read the index, and before it asks for the first byte."""
    clone = cloned(here)
    fetch = remote.fetch
    turns: list[PurgedRemote] = []

    def fetch_after(*args: object, **options: object) -> object:
        if not turns:
            turns.append(purged(here))
        return fetch(*args, **options)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(remote, "fetch", fetch_after)
    track("pull", cwd=clone).ok()
    assert turns[0].kept_packs == () and (clone / "big.bin").read_bytes() == SECOND
    assert not at_remote(here, middle(ALONE))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_push_that_begins_while_packs_are_written_anew_waits_and_loses_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    clone = cloned(here, "other")
    track("remote", "add", "origin", "../remote", cwd=clone).ok()
    track("pull", cwd=clone).ok()
    edited = SECOND[: 1 << 20] + b"an edit" + SECOND[1 << 20 :]
    write_tree(clone, {"big.bin": edited})
    track("add", "big.bin", cwd=clone).ok()
    commit_all(clone, "edited")
    rewrite = purged_pieces.rewrite_scattered
    ended: list[int] = []
    pushing = threading.Thread(target=lambda: ended.append(track_process("push", cwd=clone).code))

    def rewrite_meanwhile(*args: object, **options: object) -> object:
        if moment == "before":
            pushing.start()
        done = rewrite(*args, **options)  # type: ignore[arg-type]  # as it was called
        if moment == "after":
            pushing.start()
        pushing.join(2)  # so that it comes to see the mark; nothing is wrong when it does not
        assert not ended, "a push that came meanwhile did not wait"
        return done

    monkeypatch.setattr(purged_pieces, "rewrite_scattered", rewrite_meanwhile)
    there = purged(here)
    pushing.join()
    assert there.error is None and there.kept_packs == () and ended == [0]
    assert not at_remote(here, middle(ALONE))
    is_whole(clone, "of the clone", edited)


def test_at_an_encrypted_remote(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, recipient = age.new_identity()
    (tmp_path / "identity.txt").write_text(text)
    (tmp_path / "identity.txt").chmod(0o600)
    monkeypatch.setenv("TRACK_AGE_IDENTITY", str(tmp_path / "identity.txt"))
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", "--encrypt", recipient, cwd=repo).ok()
    version(repo, FIRST, "first")
    version(repo, SECOND, "second")
    before = sum(map(len, files_below(repo.parent / "remote/packs").values()))
    there = purged(repo)
    assert (there.kept_packs, there.doubtful_packs, there.error) == ((), (), None)
    assert sum(map(len, files_below(repo.parent / "remote/packs").values())) < before - len(ALONE) + 100_000
    is_whole(repo, "clone", SECOND)


def test_in_a_bucket(repo: Path, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    track("init", cwd=repo).ok()
    url = f"s3://{BUCKET}/purge-pieces"
    track("remote", "add", "origin", url, "--endpoint", s3_server.endpoint, cwd=repo).ok()
    version(repo, FIRST, "first")
    version(repo, SECOND, "second")
    place = place_at(s3_server.endpoint, OWNER, "purge-pieces")

    def has(piece: bytes) -> bool:
        return any(piece in place.get(one.key) for one in place.list("packs/"))

    assert has(middle(ALONE))
    there = purged(repo)
    assert (there.kept_packs, there.doubtful_packs, there.error) == ((), (), None)
    assert not has(middle(ALONE)) and has(middle(SHARED))
    clone = cloned(repo)
    track("remote", "add", "origin", url, "--endpoint", s3_server.endpoint, cwd=clone).ok()
    track("pull", cwd=clone).ok()
    assert (clone / "big.bin").read_bytes() == SECOND
