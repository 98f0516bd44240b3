"""One right copy anywhere is enough: every file of a store and of a remote is spoilt in turn, and put right again.

Targets 5 and 6: whatever is flipped, cut, zeroed or removed is found, and restored from the working tree, another
working tree, the local store, or another remote; the bad one is kept.
"""

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from store.conftest import files, overwrite
from support.cli import track_here as track
from support.remotes import leave_uncut
from support.repositories import commit_all
from support.seaweed import BUCKET, OWNER, Seaweed, place_at
from support.sharing import cloned
from support.trees import write_tree
from track.store.backends.folder import open_folder
from track.store.pack_inside import entries_of
from track.store.recipe import OF_WHOLE, RECIPE

LARGE = bytes(range(256)) * (5 << 10)  # 1.25 MiB: a file of its own, with a recipe
FILES = {
    "d/a": b"one", "d/b": b"two", "d/s/c": b"three", "d/large": LARGE, "x.csv": b"1,2\n", "big.bin": LARGE[::-1],
}  # fmt: skip


def flip(data: bytes) -> bytes:
    at = len(data) // 3
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def zero(data: bytes) -> bytes:
    return bytes(len(data))


DAMAGE: dict[str, Callable[[bytes], bytes] | None] = {"flipped": flip, "cut": cut, "zeroed": zero, "removed": None}


@pytest.fixture(params=["uncut"])
def here(repo: Path, request: pytest.FixtureRequest) -> Path:
    """Data, and two remotes; large files go there whole (`uncut`) or in chunks, or are in chunks here, too."""
    track("init", "--no-hooks", cwd=repo).ok()
    if request.param == "chunks here":
        track("config", "--clone", "store.chunks", "true", cwd=repo).ok()
    write_tree(repo, FILES)
    track("add", "d", "x.csv", "big.bin", cwd=repo).ok()
    commit_all(repo, "data")
    for name in ("origin", "other"):
        track("remote", "add", name, repo.parent / name, cwd=repo).ok()
        if request.param == "uncut":
            leave_uncut(open_folder(repo.parent / name))
        track("push", name, cwd=repo).ok()
    track("config", "core.remote", "origin", cwd=repo).ok()
    return repo


def store_of(repo: Path) -> Path:
    return repo / ".git/track/store"


def data_files(folder: Path) -> list[Path]:
    """Every file of a store or remote that has data, or says where it is."""
    parts = ("objects", "packs", "index", "roots")
    return [path for part in parts if (folder / part).is_dir() for path in files(folder / part)]


def spoilt(path: Path, damage: str) -> None:
    change = DAMAGE[damage]
    if change is None:
        path.unlink()
    else:
        overwrite(path, change(path.read_bytes()))


def without_data(repo: Path) -> None:
    for name in ("d", "x.csv", "big.bin"):
        path = repo / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def is_whole(repo: Path, *, fetches: bool = False) -> None:
    """The store says that it is, and gives every byte with no help from elsewhere."""
    done = track("verify", "--deep", cwd=repo)
    assert done.code == 0, done
    if fetches:
        track("fetch", cwd=repo).ok()
    for name in ("d", "x.csv", "big.bin"):
        path = repo / name
        if path.exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    track("checkout", cwd=repo).ok()
    found = {name: (repo / name).read_bytes() for name in FILES}
    assert found == FILES


def quarantined(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in files(folder / "quarantine")] if (folder / "quarantine").is_dir() else []


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("source", ["working tree", "remote"])
@pytest.mark.parametrize("here", ["uncut", "chunks here"], indirect=True)
def test_every_file_of_the_store_is_restored(here: Path, damage: str, source: str) -> None:
    names = [path.relative_to(store_of(here)) for path in data_files(store_of(here))]
    assert {name.parts[0] for name in names} - {"objects"} == {"packs"}
    if source == "remote":
        without_data(here)
    for name in names:
        path = store_of(here) / name
        if not path.exists():
            continue  # what was restored with others lies in another pack now
        before = path.read_bytes()
        spoilt(path, damage)

        done = track("repair", cwd=here)

        assert done.code == 0, f"{name}\n{done.out}{done.err}"
        if damage != "removed":
            bad = DAMAGE[damage]
            assert bad is not None and bad(before) in quarantined(store_of(here)), name
            is_needed = "\n0 objects restored\n" not in done.out  # or a copy is in a pack that was made since
            assert not is_needed or ("working tree" if source == "working tree" else "remote `origin`") in done.out, (
                done
            )
        is_whole(here, fetches=source == "remote" and damage == "removed")
        if source == "remote":
            without_data(here)
    assert track("repair", cwd=here).ok().out == "nothing to repair\n"


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("source", ["the local store", "the working tree", "remote `other`"])
@pytest.mark.parametrize("here", ["uncut", "chunks"], indirect=True)
def test_every_file_of_a_remote_is_restored(here: Path, damage: str, source: str) -> None:
    remote = here.parent / "origin"
    names = [path.relative_to(remote) for path in data_files(remote)]
    assert {name.parts[0] for name in names} - {"objects"} == {"packs", "index", "roots"}
    for name in names:
        path = remote / name
        if not path.exists():
            assert name.parts[0] in ("index", "roots"), name  # made anew, under another name
            continue
        if source != "the local store":
            empty_store(here)
        if source == "remote `other`":
            without_data(here)
        before = path.read_bytes()
        spoilt(path, damage)
        found = track("verify", "--remote", "origin", cwd=here)
        assert found.code in ((4, 7) if damage != "removed" or name.parts[0] != "roots" else (0, 4)), (name, found)

        done = track("repair", "--remote", "origin", cwd=here)

        assert done.code == 0, f"{name}\n{done.out}{done.err}"
        assert track("verify", "--remote", "origin", "--deep", cwd=here).code == 0, name
        if damage != "removed":
            bad = DAMAGE[damage]
            assert bad is not None and bad(before) in quarantined(remote), name
        if name.parts[0] in ("packs", "objects") and not is_of_recipes(before):
            assert path.read_bytes() == before, name  # the very same bytes, under the very same name
            assert source in done.out or "itself" in done.out, (name, done)
        if source != "the local store":
            track("fetch", "other", cwd=here).ok()
            track("checkout", cwd=here).ok()
    fresh_clone_is_whole(here)


@pytest.mark.parametrize("damage", DAMAGE)
def test_every_file_of_a_bucket_is_restored(
    here: Path, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    prefix = f"repair/{secrets.token_hex(8)}"
    track("remote", "add", "bucket", f"s3://{BUCKET}/{prefix}", "--endpoint", s3_server.endpoint, cwd=here).ok()
    track("push", "bucket", cwd=here).ok()
    place = place_at(s3_server.endpoint, OWNER, prefix)
    keys = sorted(one.key for folder in ("objects/", "packs/", "index/", "roots/") for one in place.list(folder))
    assert {key.split("/")[0] for key in keys} == {"packs", "index", "roots"}
    for key in keys:
        if place.size(key) is None:
            continue  # made anew, under another name
        before = place.get(key)
        change = DAMAGE[damage]
        if change is None:
            place.delete(key)
        else:
            place.put(key, change(before))

        track("repair", "--remote", "bucket", cwd=here).ok()

        track("verify", "--remote", "bucket", "--deep", cwd=here).ok()
        if change is not None:
            kept = [place.get(one.key) for one in place.list("quarantine/")]
            assert change(before) in kept, key
        if key.startswith("packs/") and not is_of_recipes(before):
            assert place.get(key) == before
    track("remote", "remove", "origin", cwd=here).ok()
    track("remote", "remove", "other", cwd=here).ok()
    empty_store(here)
    without_data(here)
    track("pull", cwd=here).ok()
    assert {name: (here / name).read_bytes() for name in FILES} == FILES


def is_of_recipes(pack: bytes) -> bool:
    """Whether a pack has recipes of chunks, which are written anew, for they depend on what else is there."""
    entries = entries_of(pack, "") or []
    return any(entry.form == RECIPE and entry.flags != OF_WHOLE for entry in entries)


def empty_store(repo: Path) -> None:
    for path in data_files(store_of(repo)):
        path.unlink()
    for path in files(store_of(repo) / "quarantine") if (store_of(repo) / "quarantine").is_dir() else ():
        path.unlink()


def fresh_clone_is_whole(repo: Path) -> None:
    """Who clones now and knows origin alone gets every byte."""
    clone = cloned(repo, "fresh")
    track("remote", "add", "origin", repo.parent / "origin", cwd=clone).ok()
    track("pull", cwd=clone).ok()
    assert {name: (clone / name).read_bytes() for name in FILES} == FILES
    shutil.rmtree(clone)
