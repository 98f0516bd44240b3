"""Several writers, killed writers, and no room: what was acknowledged is there, and nothing else is in the way."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from store.conftest import as_nobody, files
from support.powercut import read_only, small_disk
from track import publish, system
from track.errors import DiskFull, Locked, StoreUnwritable
from track.locks import Lock
from track.model.digest import Digest, digest_of
from track.store.foundation import create_store
from track.store.objects import Store

_WRITE = """
import os, random, sys
from pathlib import Path
from track.store.objects import Store
path, seed, rounds, same = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "same"
numbers = random.Random(0 if same else seed)
large = path.with_name(f"large-{seed}")
with Store.open(path, create=True) as store:
    for _ in range(rounds):
        with store.writer() as writer:
            digests = [writer.add(numbers.randbytes(numbers.randrange(3000))) for _ in range(60)]
            content = numbers.randbytes(1 << 20)
            large.write_bytes(content)
            with large.open("rb") as file:
                digests.append(writer.add_file(file.fileno(), len(content)))
            writer.commit()
            for digest in digests:
                print(digest.hex())
            print("committed", flush=True)
"""


def _writer(store: Path, seed: int, rounds: int, kind: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITE, *map(str, (store, seed, rounds, kind))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _acknowledged(output: str) -> list[Digest]:
    lines = output.split("committed\n")[:-1]
    return [Digest.from_hex(line) for part in lines for line in part.split()]


def _check_every_byte(path: Path) -> None:
    """Every object that the index knows, and every pack, reads back."""
    with Store.open(path, create=False) as store:
        store.index.rebuild()
        objects = [digest for digest, _ in store.objects()]
        assert {digest for digest, _ in store.read_many(objects)} == set(objects)
        assert store.damage == []


@pytest.mark.parametrize("kind", ["same", "different"])
def test_eight_processes_write_at_once_and_all_succeed(tmp_path: Path, kind: str) -> None:
    writers = [_writer(tmp_path / "store", seed, 5, kind) for seed in range(8)]
    outputs = [writer.communicate()[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 8
    digests = {digest for output in outputs for digest in _acknowledged(output)}
    assert len(digests) == 61 * 5 * (1 if kind == "same" else 8)
    _check_every_byte(tmp_path / "store")
    with Store.open(tmp_path / "store", create=False) as store:
        assert store.absent(digests) == set()
        assert {digest for digest, _ in store.objects()} == digests
    assert files(tmp_path / "store" / "staging") == []


def test_who_makes_a_store_that_another_has_just_made_has_that(tmp_path: Path) -> None:
    made = create_store(tmp_path / "store", group=False)
    assert create_store(tmp_path / "store", group=False) == made


def test_writers_killed_at_any_instant_lose_nothing_that_they_acknowledged(tmp_path: Path) -> None:
    numbers = random.Random(7)
    acknowledged: set[Digest] = set()
    for seed in range(15):
        with _writer(tmp_path / "store", seed, 1000, "different") as writer:
            assert writer.stdout is not None
            head = "".join(iter(writer.stdout.readline, "committed\n")) + "committed\n"
            time.sleep(numbers.random() / 10)
            writer.kill()
            acknowledged.update(_acknowledged(head + writer.stdout.read()))
        with Store.open(tmp_path / "store", create=False) as store:
            assert store.absent(acknowledged) == set()
    _check_every_byte(tmp_path / "store")
    with Store.open(tmp_path / "store", create=False) as store, store.writer():
        assert files(tmp_path / "store" / "staging") == []


@pytest.mark.parametrize("call", ["fsync", "write", "open", "mkdir", "rename"])
def test_a_writer_killed_at_its_nth_step_leaves_a_store_that_works(tmp_path: Path, call: str) -> None:
    code = f"""
import os, signal, sys
from pathlib import Path
from track import publish, system
from track.store.objects import Store
left = int(sys.argv[2])
def dying(real):
    def wrapped(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return wrapped
if {call!r} == "rename":
    publish.rename_new = dying(publish.rename_new)
else:
    os.{call} = dying(os.{call})
with Store.open(Path(sys.argv[1]), create=True) as store, store.writer() as writer:
    for n in range(20):
        writer.add(b"%d" % n * 90_000)
    with open(sys.executable, "rb") as file:
        writer.add_file(file.fileno(), 1 << 20) if os.fstat(file.fileno()).st_size > 1 << 20 else None
    writer.commit()
"""
    path = tmp_path / "store"
    for step in range(100):
        done = subprocess.run([sys.executable, "-c", code, path, str(step)], check=False)
        with Store.open(path, create=True) as store, store.writer() as writer:
            again = [writer.add(b"%d" % n * 90_000) for n in range(20)]
            writer.commit()
            assert dict(store.read_many(again)) == {d: b"%d" % n * 90_000 for n, d in enumerate(again)}
            assert files(path / "staging") == []
            assert store.damage == []
        if done.returncode == 0:
            break
        assert done.returncode == -9
        for folder in ("packs", "objects"):
            for stored in files(path / folder):
                stored.unlink()
    assert 0 < step < 99


@pytest.mark.needs("root", "mount")
@pytest.mark.parametrize("limit", ["bytes", "files"])
def test_a_full_disk_is_named_leaves_nothing_half_written_and_the_same_again_succeeds(
    tmp_path: Path, limit: str
) -> None:
    room = {"size_kib": 3000} if limit == "bytes" else {"size_kib": 20_000, "inodes": 16}
    contents = [os.urandom(100_000) for _ in range(50)]
    with small_disk(tmp_path / "disk", **room) as disk:
        path = disk / "store"
        with Store.open(path, create=True) as store, store.writer() as writer:
            kept = writer.add(b"kept")
            writer.commit()
        for n in range(4 if limit == "files" else 0):
            (disk / f"other-{n}").write_bytes(b"")
        with Store.open(path, create=False) as store:
            with pytest.raises(DiskFull) as caught, store.writer() as writer:
                for content in contents:
                    writer.add(content)
                writer.commit()
            assert str(disk) in caught.value.message
            assert "free some space" in str(caught.value.hint)
            assert files(path / "staging") == []
            assert store.read(kept) == b"kept"
            assert store.absent(map(digest_of, contents)) == set(map(digest_of, contents))
        for n in range(4 if limit == "files" else 0):
            (disk / f"other-{n}").unlink()
        with Store.open(path, create=False) as store, store.writer() as writer:
            for content in contents[:5]:
                writer.add(content)
            writer.commit()
        _check_every_byte(path)


@pytest.mark.needs("root", "mount")
@pytest.mark.parametrize("begun", [False, True], ids=["new", "begun"])
def test_a_full_disk_is_called_full_wherever_it_stops_the_store(tmp_path: Path, begun: bool) -> None:
    answers = set()
    for left_kib in range(0, 160, 8):
        with small_disk(tmp_path / f"{begun}{left_kib}", size_kib=1000, inodes=200) as disk:
            if begun:
                with Store.open(disk / "store", create=True) as store, store.writer() as writer:
                    writer.add(b"before")
                    writer.commit()
            found = os.statvfs(disk)
            with open(disk / "filler", "wb") as filler:
                os.posix_fallocate(filler.fileno(), 0, found.f_bavail * found.f_frsize - (left_kib << 10) or 1)
            try:
                with Store.open(disk / "store", create=True) as store, store.writer() as writer:
                    for number in range(20):
                        writer.add(b"%d" % number * 1000)
                    writer.commit()
                answers.add("done")
            except DiskFull:
                answers.add("full")
    assert answers == {"done", "full"}


@pytest.mark.needs("root", "mount")
def test_a_large_object_that_does_not_fit_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    with (tmp_path / "large").open("w+b") as file, small_disk(tmp_path / "disk", size_kib=3000) as disk:
        file.write(os.urandom(4 << 20))
        file.flush()
        with Store.open(disk / "store", create=True) as store, store.writer() as writer:
            with pytest.raises(DiskFull, match=str(disk)):
                writer.add_file(file.fileno(), 4 << 20)
            assert files(disk / "store" / "staging") == []


@pytest.mark.needs("root", "mount")
def test_a_store_on_a_read_only_filesystem_is_read_and_says_so_when_written(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with Store.open(path, create=True) as store, store.writer() as writer:
        digest = writer.add(b"x")
        writer.commit()
    with read_only(path), Store.open(path, create=True, cache=tmp_path / "cache") as store:
        assert store.read(digest) == b"x"
        with pytest.raises(StoreUnwritable, match="read-only filesystem"), store.writer():
            pass


@pytest.mark.parametrize("number", [5, 28, 122])
@pytest.mark.parametrize("call", ["sync_fd", "rename_new"])
def test_a_commit_that_fails_leaves_nothing_and_the_next_succeeds(
    store: Store, monkeypatch, number: int, call: str
) -> None:
    def failing(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(publish, call, failing)
        with pytest.raises((DiskFull, StoreUnwritable), match=str(store.path)), store.writer() as writer:
            writer.add(b"x")
            writer.commit()
    assert files(store.path / "packs") == files(store.path / "staging") == []
    with store.writer() as writer:
        digest = writer.add(b"x")
        writer.commit()
    assert store.read(digest) == b"x"


def test_what_a_dead_writer_staged_is_swept_by_the_next(store: Store) -> None:
    pid, start, place = system.process_tag().split(".")
    left = store.path / "staging" / f"{pid}.{int(start) + 1}.{place}.123456789abc"
    left.write_bytes(b"x" * 1000)
    with store.writer():
        assert files(store.path / "staging") == []


def test_a_collection_keeps_writers_out_and_is_named(store: Store) -> None:
    with (
        Lock(store.rooms.lock).exclusive(0),
        pytest.raises(Locked, match=f"process {os.getpid()}"),
        store.writer(timeout_s=0),
    ):
        pass


_JOIN = """
import sys
from pathlib import Path
from track.store.objects import Store
os.umask(0o077)
drop()
with Store.open(Path(sys.argv[1]), create=True, cache=Path(sys.argv[2])) as store, store.writer() as writer:
    writer.add(b"theirs")
    writer.add(b"mine too")
    writer.commit()
"""


def test_two_users_share_a_store_made_for_their_group(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with Store.open(path, create=True, group=True, cache=tmp_path / "cache") as store, store.writer() as writer:
        writer.add(b"mine too")
        writer.commit()
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    if os.geteuid() == 0:
        for folder in (path, *path.rglob("*")):
            os.chown(folder, -1, 65534)
            folder.chmod(0o2775 if folder.is_dir() else folder.stat().st_mode & 0o777)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs").chmod(0o777)
    subprocess.run(as_nobody(_JOIN, path, tmp_path / "theirs"), check=True, cwd="/")
    with Store.open(path, create=False, cache=tmp_path / "cache") as store:
        assert store.read(digest_of(b"theirs")) == b"theirs"
        assert len(list(store.packs())) == 2
