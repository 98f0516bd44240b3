"""Purge: what a repair put aside at a remote goes, too, at a folder, where files are sealed, and in a bucket."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.seaweed import BUCKET, OWNER, Seaweed
from support.trees import write_tree
from track.flows.remotes import choose, connected
from track.model.digest import digest_of
from track.project import Project
from track.store.around import bare
from track.store.backends import age
from track.store.layout import PACKS, QUARANTINE, pack_key
from track.store.mending import set_aside
from track.store.place import Place
from track.store.remote import Remote

SECRET = b"a name and an address " * 40
SHARED = random.Random(1).randbytes(2 << 20)
ALONE = random.Random(2).randbytes(1 << 20)


@pytest.fixture(params=["folder", "sealed", "s3"])
def here(repo: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two versions of a directory and of a large file, and a small file, each pushed into packs of its own."""
    track("init", cwd=repo).ok()
    options: tuple[str, ...] = ("../remote",)
    if request.param == "sealed":
        text, recipient = age.new_identity()
        (tmp_path / "identity.txt").write_text(text)
        (tmp_path / "identity.txt").chmod(0o600)
        monkeypatch.setenv("TRACK_AGE_IDENTITY", str(tmp_path / "identity.txt"))
        options = ("../remote", "--encrypt", recipient)
    if request.param == "s3":
        server: Seaweed = request.getfixturevalue("s3_server")
        for name, value in OWNER.environment.items():
            monkeypatch.setenv(name, value)
        options = (f"s3://{BUCKET}/aside-{tmp_path.name}", "--endpoint", server.endpoint)
    track("remote", "add", "origin", *options, cwd=repo).ok()
    pushed(repo, {"table.csv": b"a,b\n" * 50})
    pushed(repo, {"people/a": SECRET})
    pushed(repo, {"big.bin": SHARED + ALONE})
    git("tag", "v1", cwd=repo)
    pushed(repo, {"people/a": b"nobody"})
    pushed(repo, {"big.bin": SHARED + bytes(100)})
    return repo


def pushed(repo: Path, files: dict[str, bytes]) -> None:
    write_tree(repo, files)
    track("add", *{path.partition("/")[0] for path in files}, cwd=repo).ok()
    commit_all(repo, "more")
    track("push", cwd=repo).ok()


@contextmanager
def at_remote(repo: Path) -> Iterator[tuple[Project, Remote]]:
    with Project.open(repo) as project, connected(project, choose(project, None), sending=True) as remote:
        yield project, remote


def spoil(place: Place, key: str) -> None:
    """Flip a bit near the beginning, which leaves the table and the footer as they are."""
    behind, hidden = bare(place, key)
    content = bytearray(behind.get(hidden))
    content[50] ^= 1
    behind.put(hidden, bytes(content))


def names(place: Place) -> list[str]:
    return sorted(one.key for one in place.list(QUARANTINE))


def test_what_a_repair_put_aside_goes_and_what_is_of_others_stays(here: Path) -> None:
    with at_remote(here) as (_, remote):
        recipes = {pack_key(pack) for pack, _ in remote.known.every_chunked()}
        packs = [one.key for one in remote.place.list(PACKS) if one.key not in recipes]
        for key in packs:
            spoil(remote.place, key)
    track("repair", "--remote", "origin", cwd=here).ok()
    with at_remote(here) as (_, remote):
        held = {name: remote.known.locate([digest_of(content)]) for name, content in (
            ("people", SECRET), ("big", SHARED + ALONE), ("table", b"a,b\n" * 50),
        )}  # fmt: skip
        packs_of = {name: {one.pack for each in found.values() for one in each} for name, found in held.items()}
        assert len(names(remote.place)) == len(packs)
    for artifact in ("people", "big.bin"):
        done = track("purge", "--yes", f"{artifact}@v1", "--because", "asked for", cwd=here).ok()
        assert "of the quarantine of origin went with it" in done.err and "nobody can tell" not in done.err
    with at_remote(here) as (_, remote):
        left = names(remote.place)
        for pack in packs_of["people"] | packs_of["big"]:
            assert pack is not None and aside(pack) not in left
        for pack in packs_of["table"]:
            assert pack is not None and aside(pack) in left
    track("verify", "--remote", "origin", "--deep", cwd=here)
    again = track("purge", "--yes", "big.bin@v1", "--because", "asked for", cwd=here).ok()
    assert "quarantine" not in again.err


def aside(pack: bytes) -> str:
    return QUARANTINE + pack_key(pack).replace("/", "-")


def test_a_pack_that_no_index_names_any_more_is_known_by_its_table_or_goes_unread(here: Path) -> None:
    """As one that was put aside, and whose objects a collection gave a new pack since."""
    with at_remote(here) as (project, remote):
        place = remote.place
        found = remote.known.locate([digest_of(SECRET), digest_of(b"a,b\n" * 50)])
        ours, others = (place.get(pack_key(found[digest_of(one)][0].pack)) for one in (SECRET, b"a,b\n" * 50))  # type: ignore[arg-type]  # small objects lie in packs
        for number, content in enumerate((ours, others, b"no pack at all")):
            key = pack_key(bytes([number]) * 32)
            place.put(key, content)
            set_aside(place, project.store, key)
            place.delete(key)
        assert len(names(place)) == 3
    done = track("purge", "--yes", "people@v1", "--because", "asked for", "--json", cwd=here).ok().json
    assert (done["remotes"][0]["aside"], done["remotes"][0]["unreadable_aside"]) == (2, 1)
    with at_remote(here) as (_, remote):
        assert names(remote.place) == [aside(bytes([1]) * 32)]


def test_what_nobody_can_read_is_told(here: Path) -> None:
    with at_remote(here) as (_, remote):
        remote.place.put(aside(bytes(32)), b"no pack at all")
    done = track("purge", "--yes", "people@v1", "--because", "asked for", cwd=here).ok()
    assert "1 file of the quarantine of origin went with it" in done.err
    assert "nobody can tell what was in it: some of it may have been" in done.err
