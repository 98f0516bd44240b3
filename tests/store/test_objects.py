"""The local store: what is put in comes out, and what is bad never does."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.conftest import add_file, as_nobody, files, overwrite, spoil
from track import system
from track.errors import ChangedWhileAdding, DamagedObject, MissingObject, NewerFormat, NotAStore, Unreadable
from track.model.digest import Digest, digest_of
from track.store import hashing, reading
from track.store import pack as pack_module
from track.store import writer as writer_module
from track.store.objects import Store

MIB = 1 << 20
Adding = Callable[..., list[Digest]]


def test_an_object_reads_back_by_its_digest(store: Store, add: Adding) -> None:
    contents = [b"", b"one", b"two" * 1000, bytes(MIB - 1)]
    digests = add(*contents)
    assert digests == [digest_of(content) for content in contents]
    assert [store.read(digest) for digest in digests] == contents
    assert store.absent(digests) == set()
    assert store.sizes(digests) == {d: len(c) for d, c in zip(digests, contents, strict=True)}


def test_many_objects_read_back_each_once_whatever_their_order(store: Store, add: Adding) -> None:
    contents = {digest_of(b"%d" % n * (n % 700)): b"%d" % n * (n % 700) for n in range(3000)}
    add(*contents.values())
    large = add_file(store, b"L" * MIB)
    asked = [*reversed(contents), *contents, large]
    read = list(store.read_many(asked))
    assert len(read) == len(contents) + 1
    assert dict(read) == contents | {large: b"L" * MIB}


@settings(max_examples=30, deadline=None)
@given(rounds=st.lists(st.lists(st.binary(max_size=40), max_size=20), max_size=4))
def test_a_store_holds_exactly_what_was_committed(tmp_path_factory, rounds: list[list[bytes]]) -> None:
    path = tmp_path_factory.mktemp("stores") / "store"
    expected: dict[bytes, bytes] = {}
    for number, contents in enumerate(rounds):
        with Store.open(path, create=True) as store, store.writer() as writer:
            for content in contents:
                writer.add(content)
            if number % 3 != 2:
                writer.commit()
                expected |= {digest_of(content): content for content in contents}
    with Store.open(path, create=True) as store:
        assert dict(store.objects()) == {digest: len(content) for digest, content in expected.items()}
        assert dict(store.read_many(list(expected))) == expected


def test_what_is_there_already_is_not_written_again(store: Store, add: Adding) -> None:
    add(b"one", b"two")
    before = files(store.path / "packs")
    with store.writer() as writer:
        assert writer.add(b"one") == digest_of(b"one")
        writer.commit()
        assert (writer.new_count, writer.new_bytes) == (0, 0)
        writer.add(b"three")
        writer.add(b"three")
        writer.commit()
        assert (writer.new_count, writer.new_bytes) == (1, 5)
    assert len(files(store.path / "packs")) == len(before) + 1
    large = b"x" * MIB
    assert add_file(store, large) == add_file(store, large)
    assert len(files(store.path / "objects")) == 1
    assert files(store.path / "staging") == []


def test_without_a_commit_nothing_becomes_visible_and_nothing_is_left(store: Store, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(2 * MIB))
    with store.writer() as writer:
        for n in range(40):
            writer.add(b"%d" % n * 250_000)
        with (tmp_path / "large").open("rb") as file:
            writer.add_file(file.fileno(), 2 * MIB)
        assert files(store.path / "staging") != []
    assert files(store.path / "staging") == []
    assert list(store.objects()) == []


def test_packs_are_sealed_at_about_sixteen_mebibytes(store: Store) -> None:
    with store.writer() as writer:
        for n in range(45):
            writer.add(b"%07d" % n * 142_857)
        writer.commit()
    sizes = sorted(path.stat().st_size for path in files(store.path / "packs"))
    assert len(sizes) == 3
    assert all(16 * MIB <= size < 18 * MIB for size in sizes[1:])


def test_packs_of_tiny_objects_are_no_larger_than_others(store: Store) -> None:
    with store.writer() as writer:
        for n in range(200_000):
            writer.add(b"%d" % n)
        writer.commit()
    assert max(path.stat().st_size for path in files(store.path / "packs")) < 17 * MIB


def test_whole_gigabytes_are_published_on_the_way_and_found_again(store: Store, monkeypatch) -> None:
    monkeypatch.setattr(pack_module, "PACK_SIZE", 10_000)
    monkeypatch.setattr(writer_module, "_ASKED_AT_ONCE", 16)
    contents = [b"%07d" % n * 1000 for n in range(200)]
    with store.writer() as writer:
        for content in contents:
            writer.add(content)
    kept = store.sizes(map(digest_of, contents))
    assert len(kept) % 64 == 0
    assert 64 <= len(kept) < 200
    assert files(store.path / "staging") == []
    with store.writer() as writer:
        for content in contents:
            writer.add(content)
        writer.commit()
        assert writer.new_count == 200 - len(kept)
    assert store.absent(map(digest_of, contents)) == set()


def test_stored_files_are_read_only(store: Store, add: Adding) -> None:
    add(b"x")
    add_file(store, bytes(MIB))
    stored = [*files(store.path / "packs"), *files(store.path / "objects")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in stored] == [0o444, 0o444]
    assert all(store.is_own(path) for path in stored)


def test_a_file_that_others_may_change_is_not_linked_out(store: Store) -> None:
    path = store.open_verified(add_file(store, bytes(MIB)))
    path.chmod(0o664)
    assert not store.is_own(path)
    path.chmod(0o444)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
        assert not store.is_own(path)


@pytest.mark.parametrize("size", [MIB, MIB + 1, 33 * MIB + 5])
def test_a_large_object_is_a_file_of_its_own(store: Store, size: int) -> None:
    content = os.urandom(size)
    digest = add_file(store, content)
    path = store.whole(digest)
    assert path == store.open_verified(digest)
    assert path is not None
    assert path.read_bytes() == content
    assert store.read(digest) == content
    assert dict(store.objects()) == {digest: size}


def test_a_sparse_file_keeps_its_holes_in_the_store(store: Store, tmp_path: Path) -> None:
    size = 5 << 30
    with (tmp_path / "sparse").open("w+b") as file:
        file.truncate(size)
        os.pwrite(file.fileno(), b"data" * 1000, 1 << 30)
        os.pwrite(file.fileno(), b"tail", size - 4)
        with store.writer() as writer:
            digest = writer.add_file(file.fileno(), size)
            writer.commit()
    path = store.open_verified(digest)
    assert path.stat().st_size == size
    assert path.stat().st_blocks * 512 < 4 * MIB


def test_a_large_file_that_becomes_shorter_while_it_is_added_is_an_error(store: Store, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(2 * MIB))
    with (tmp_path / "large").open("rb") as file, store.writer() as writer:
        for cut in (MIB, 0):
            os.truncate(tmp_path / "large", cut)
            with pytest.raises(ChangedWhileAdding, match="large became shorter"):
                writer.add_file(file.fileno(), 2 * MIB)
    assert files(store.path / "staging") == []


def test_what_is_stored_is_what_was_hashed_while_another_process_writes_the_file(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(24 * MIB))
    code = (
        "import os, sys; fd = os.open(sys.argv[1], os.O_WRONLY); print(flush=True)\n"
        "while True:\n for at in range(0, 24 << 20, 1 << 18): os.pwrite(fd, os.urandom(64), at)"
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as changing:
        assert changing.stdout is not None
        changing.stdout.readline()
        try:
            with path.open("rb") as file, store.writer() as writer:
                digests = [writer.add_file(file.fileno(), 24 * MIB) for _ in range(5)]
                writer.commit()
        finally:
            changing.kill()
    for digest in digests:
        store.open_verified(digest)


def test_a_missing_object_names_itself_the_place_and_the_next_step(store: Store) -> None:
    digest = digest_of(b"nowhere")
    for read in (store.read, store.open_verified, lambda d: list(store.read_many([d]))):
        with pytest.raises(MissingObject) as caught:
            read(digest)
        assert str(digest) in caught.value.message
        assert str(store.path) in caught.value.message
        assert "track fetch" in str(caught.value.hint)
    assert store.absent([digest]) == {digest}


@pytest.mark.parametrize("has_index", [True, False])
def test_every_flipped_bit_of_a_pack_is_noticed_and_adding_again_heals_it(
    store: Store, add: Adding, has_index: bool
) -> None:
    contents = [b"first", b"second object", b"third"]
    digests = add(*contents)
    pack = files(store.path / "packs")[0]
    whole = pack.read_bytes()
    store.close()
    index = (store.path / "index.db").read_bytes()
    body = sum(map(len, contents))
    for offset in range(len(whole)):
        for path in files(store.path / "packs"):
            path.unlink()
        pack.write_bytes(whole)
        spoil(pack, offset)
        (store.path / "index.db").write_bytes(index if has_index else b"")
        with Store.open(store.path, create=False) as opened:
            lost = []
            for digest, content in zip(digests, contents, strict=True):
                try:
                    assert opened.read(digest) == content
                except (DamagedObject, MissingObject) as error:
                    lost.append(type(error))
                    assert str(digest) in error.message
                    assert str(opened.path) in error.message
                    assert opened.absent([digest]) == {digest}
            intact = [] if has_index else [MissingObject] * 3
            assert lost == ([DamagedObject] if offset < body else intact)
            with opened.writer() as writer:
                for content in contents:
                    writer.add(content)
                writer.commit()
            assert dict(opened.read_many(digests)) == dict(zip(digests, contents, strict=True))


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_large_object_goes_to_quarantine_and_adding_again_heals_it(store: Store, damage: str) -> None:
    content = os.urandom(MIB + 17)
    digest = add_file(store, content)
    path = store.open_verified(digest)
    for read in (store.read, store.open_verified):
        if damage == "flip":
            spoil(path, MIB // 2)
        else:
            overwrite(path, content[:-1] if damage == "cut" else b"")
        spoilt = path.read_bytes()
        with pytest.raises(DamagedObject, match=str(store.path / "quarantine")) as caught:
            read(digest)
        assert str(digest) in caught.value.message
        assert store.absent([digest]) == {digest}
        assert spoilt in [file.read_bytes() for file in files(store.path / "quarantine")]
        assert add_file(store, content) == digest
        assert store.read(digest) == content
    assert len(files(store.path / "quarantine")) == 2
    assert len(store.damage) == 2


def test_a_large_object_of_the_wrong_length_is_not_taken_for_already_here(store: Store) -> None:
    digest = add_file(store, bytes(MIB))
    overwrite(store.open_verified(digest), b"")
    assert add_file(store, bytes(MIB)) == digest
    assert store.read(digest) == bytes(MIB)


def test_of_two_copies_of_an_object_the_good_one_is_read_and_the_bad_one_reported(store: Store, add: Adding) -> None:
    digest = add(b"precious", b"a")[0]
    other = store.path.with_name("other")
    with Store.open(other, create=True) as second, second.writer() as writer:
        writer.add(b"precious")
        writer.commit()
    copy = files(other / "packs")[0]
    target = store.path / "packs" / copy.relative_to(other / "packs")
    target.parent.mkdir(exist_ok=True)
    copy.rename(target)
    store.index.rebuild()
    assert len(list(store.index.held([digest]))) == 2
    for many in (False, True):
        for pack in files(store.path / "packs"):
            before = pack.read_bytes()
            spoil(pack, before.index(b"precious"))
            store.index.rebuild()
            assert (dict(store.read_many([digest]))[digest] if many else store.read(digest)) == b"precious"
            overwrite(pack, before)
    assert len(store.damage) == 2
    assert all(str(digest) in line for line in store.damage)


def test_a_pack_whose_table_is_broken_goes_to_quarantine_when_the_index_meets_it(store: Store, add: Adding) -> None:
    kept, lost = add(b"kept")[0], add(b"lost")[0]
    pack = store.rooms.pack(store.index.pack_name(next(store.index.held([lost])).pack))
    overwrite(pack, pack.read_bytes()[:-1])
    with Store.open(store.path, create=False) as opened:
        assert opened.absent([kept, lost]) == {lost}
        with pytest.raises(MissingObject):
            opened.read(lost)
        assert len(opened.damage) == 1
    assert not pack.exists()
    assert len(files(store.path / "quarantine")) == 1


def test_a_pack_sent_again_replaces_the_damaged_one_of_its_name(store: Store, add: Adding) -> None:
    digest = add(b"precious")[0]
    pack = files(store.path / "packs")[0]
    good = pack.read_bytes()
    spoil(pack, 0)
    with pytest.raises(DamagedObject):
        store.read(digest)
    add(b"precious")
    assert store.read(digest) == b"precious"
    assert pack.read_bytes() == good
    assert len(files(store.path / "quarantine")) == 1


def test_an_object_that_is_a_link_or_a_folder_is_not_followed(store: Store, tmp_path: Path) -> None:
    content = bytes(MIB)
    digest = add_file(store, content)
    path = store.open_verified(digest)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert store.whole(digest) is None
    with pytest.raises(MissingObject):
        store.open_verified(digest)
    path.unlink()
    path.mkdir()
    with pytest.raises(MissingObject):
        store.read(digest)
    add_file(store, content)
    assert store.read(digest) == content


def test_a_store_that_is_not_there_or_not_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAStore, match="no store"):
        Store.open(tmp_path / "absent", create=False)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"x")
    with pytest.raises(NotAStore, match=r"cat\.jpg"):
        Store.open(tmp_path / "photos", create=True)
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(NotAStore):
        Store.open(tmp_path / "file", create=True)
    (tmp_path / "photos" / "cat.jpg").unlink()
    Store.open(tmp_path / "photos", create=True).close()


@pytest.mark.parametrize("content", [b"", b"[store]\n", b"\xff", b"[store]\nformat = 1\nid = 7\n", b"[" * 9999])
def test_a_description_that_cannot_be_read_is_no_store(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.toml").write_bytes(content)
    with pytest.raises(NotAStore, match=r"store\.toml"):
        Store.open(tmp_path, create=True)
    assert (tmp_path / "store.toml").read_bytes() == content


def test_a_store_of_a_newer_format_is_refused_untouched(store: Store) -> None:
    text = (store.path / "store.toml").read_text()
    (store.path / "store.toml").write_text(text.replace("format = 1", "format = 9"))
    with pytest.raises(NewerFormat, match="format 9") as caught:
        Store.open(store.path, create=True)
    assert "newer version of track" in str(caught.value.hint)


def test_a_store_keeps_its_identity(tmp_path: Path) -> None:
    ids = set()
    for _ in range(3):
        with Store.open(tmp_path / "store", create=True) as store:
            ids.add(store.id)
    assert len(ids) == 1


def test_a_store_whose_making_was_killed_is_made_by_the_next(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from track import publish\n"
        "from track.store import objects\n"
        "publish.publish_new = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "objects.Store.open(Path(sys.argv[1]), create=True)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "store"], check=False).returncode == -9
    with Store.open(tmp_path / "store", create=True) as store, store.writer() as writer:
        writer.add(b"x")
        writer.commit()
    assert files(tmp_path / "store" / "staging") == []


def test_a_store_for_a_group_is_writable_by_it_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        with Store.open(tmp_path / "store", create=True, group=True) as store:
            with store.writer() as writer:
                writer.add(b"x")
                writer.commit()
            add_file(store, bytes(MIB))
    finally:
        os.umask(old)
    modes = {p.relative_to(tmp_path): stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "store").rglob("*")}
    modes[Path("store")] = stat.S_IMODE((tmp_path / "store").stat().st_mode)
    assert {m for p, m in modes.items() if (tmp_path / p).is_dir()} == {0o2775}
    assert {m for p, m in modes.items() if p.parts[1:2] in (("packs",), ("objects",)) and (tmp_path / p).is_file()} == {
        0o444
    }
    assert modes[Path("store/lock")] == 0o664
    assert modes[Path("store/store.toml")] & 0o044 == 0o044
    assert Path("store/index.db") not in modes


_READ = """
import sys
from pathlib import Path
from track.errors import TrackError
from track.store.objects import Store
drop()
with Store.open(Path(sys.argv[1]), create=True, cache=Path(sys.argv[2])) as store:
    digest = bytes.fromhex(sys.argv[3])
    print(store.read(digest).decode(), dict(store.read_many([digest]))[digest].decode(), len(store.absent([digest])))
    try:
        with store.writer() as writer:
            writer.add(b"new")
            writer.commit()
    except TrackError as error:
        print(type(error).__name__, error.message)
"""


@pytest.mark.parametrize("has_cache", [True, False])
def test_a_store_that_may_only_be_read_is_read_and_says_so_when_written(
    store: Store, add: Adding, tmp_path: Path, has_cache: bool
) -> None:
    digest = add(b"shared")[0]
    store.close()
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    for path in (*store.path.rglob("*"), store.path):
        path.chmod(path.stat().st_mode & 0o555)
    cache = tmp_path / "cache"
    if has_cache:
        cache.mkdir()
        cache.chmod(0o777)
    before = sorted(path.name for path in store.path.rglob("*"))
    command = as_nobody(_READ, store.path, cache, digest.hex())
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    first, second = result.stdout.splitlines()
    assert first == "shared shared 0"
    assert second.startswith("StoreUnwritable no permission to write")
    assert str(store.path) in second
    assert sorted(path.name for path in store.path.rglob("*")) == before
    assert [path.suffix for path in cache.glob("*")] == ([".db"] if has_cache else [])


def test_a_disk_that_fails_while_reading_is_named_and_nothing_is_put_aside(
    store: Store, add: Adding, monkeypatch
) -> None:
    small, large = add(b"small")[0], add_file(store, bytes([1]) * MIB)

    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    for module in (pack_module, reading, hashing):
        for name in ("read_at", "read_into"):
            monkeypatch.setattr(module, name, failing, raising=False)
    for read in (lambda: store.read(small), lambda: list(store.read_many([small])), lambda: store.open_verified(large)):
        with pytest.raises(Unreadable, match=r"cannot read .*: Input/output error") as caught:
            read()
        assert str(store.path) in caught.value.message
        assert caught.value.hint
    assert files(store.path / "quarantine") == []
    assert store.absent([small, large]) == set()


def test_a_source_whose_disk_fails_is_named_and_not_the_store(store: Store, tmp_path: Path, monkeypatch) -> None:
    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    (tmp_path / "large").write_bytes(b"x" * 2 * MIB)
    monkeypatch.setattr(os, "copy_file_range", failing)
    monkeypatch.setattr(system, "read_at", failing)
    with (
        (tmp_path / "large").open("rb") as file,
        store.writer() as writer,
        pytest.raises(Unreadable, match=r"cannot read .*/large: Input"),
    ):
        writer.add_file(file.fileno(), 2 * MIB)
    assert files(store.path / "staging") == []
