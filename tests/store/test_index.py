"""The index of the packs: derived, so that whatever happens to it costs time and never an object."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from store.conftest import files
from track.errors import DiskFull, StoreUnwritable
from track.model.digest import Digest, digest_of
from track.store import index as index_module
from track.store import objects
from track.store.objects import Store

Adding = Callable[..., list[Digest]]
CONTENTS = tuple(b"%d" % n for n in range(2000))


def _absent_after(store: Store, digests: list[Digest]) -> set[bytes]:
    with Store.open(store.path, create=False) as opened:
        assert dict(opened.read_many(digests)) == dict(zip(digests, CONTENTS, strict=True))
        return opened.absent(digests)


def test_a_deleted_index_comes_back_from_the_packs(store: Store, add: Adding) -> None:
    digests = add(*CONTENTS)
    store.close()
    (store.path / "index.db").unlink()
    assert _absent_after(store, digests) == set()
    assert (store.path / "index.db").exists()


@pytest.mark.parametrize("damage", ["no database", "cut", "zeroed", "flipped", "tables of others", "folder"])
def test_a_broken_index_is_made_again(store: Store, add: Adding, damage: str) -> None:
    digests = add(*CONTENTS)
    store.close()
    path = store.path / "index.db"
    content = bytearray(path.read_bytes())
    if damage == "no database":
        path.write_bytes(b"hello" * 1000)
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "zeroed":
        path.write_bytes(content[:100] + bytes(len(content) - 100))
    elif damage == "flipped":
        for at in range(4096, len(content), 4096):
            content[at : at + 16] = os.urandom(16)
        path.write_bytes(content)
    elif damage == "tables of others":
        with sqlite3.connect(path) as db:
            db.execute("DROP TABLE objects")
            db.execute("CREATE TABLE objects (name TEXT)")
        db.close()
    else:
        path.unlink()
        path.mkdir()
    assert _absent_after(store, digests) == set()


def test_an_index_of_a_newer_format_is_made_again(store: Store, add: Adding) -> None:
    digests = add(*CONTENTS)
    store.close()
    with sqlite3.connect(store.path / "index.db") as db:
        db.execute("ALTER TABLE objects ADD COLUMN later")
        db.execute("PRAGMA user_version = 2")
    db.close()
    assert _absent_after(store, digests) == set()


@pytest.mark.parametrize("change", ["offset = offset + 1", "offset = -5", "stored_length = 1 << 60", "pack = 99"])
def test_an_index_that_is_wrong_about_a_sound_pack_is_made_again(store: Store, add: Adding, change: str) -> None:
    digests = add(*CONTENTS)
    with sqlite3.connect(store.path / "index.db") as db:
        db.execute(f"UPDATE objects SET {change}")
    db.close()
    with Store.open(store.path, create=False) as opened:
        assert [opened.read(digest) for digest in digests[:3]] == list(CONTENTS[:3])
        assert opened.damage == []
    with sqlite3.connect(store.path / "index.db") as db:
        db.execute(f"UPDATE objects SET {change}")
    db.close()
    assert _absent_after(store, digests) == set()


def test_a_pack_of_another_process_is_found_when_it_is_missed(store: Store, tmp_path: Path) -> None:
    assert store.absent([digest_of(b"later")]) == {digest_of(b"later")}
    code = (
        "import sys; from pathlib import Path; from track.store.objects import Store\n"
        "with Store.open(Path(sys.argv[1]), create=False, cache=Path(sys.argv[2])) as s, s.writer() as w:\n"
        " s.index._path = Path(sys.argv[2]) / 'own.db'; w.add(b'later'); w.commit()"
    )
    subprocess.run([sys.executable, "-c", code, store.path, tmp_path / "cache"], check=True)
    assert store.read(digest_of(b"later")) == b"later"
    assert store.absent([digest_of(b"later")]) == set()


@pytest.mark.parametrize("ask", ["absent", "writer"])
def test_what_lay_in_a_pack_that_somebody_deleted_is_not_already_here(store: Store, add: Adding, ask: str) -> None:
    digest = add(b"precious")[0]
    files(store.path / "packs")[0].unlink()
    with Store.open(store.path, create=False) as opened:
        if ask == "absent":
            assert opened.absent([digest]) == {digest}
        else:
            with opened.writer() as writer:
                writer.add(b"precious")
                writer.commit()
            assert opened.read(digest) == b"precious"


def test_the_index_of_a_store_on_a_shared_filesystem_lies_in_the_cache(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(objects, "is_shared_filesystem", lambda path: True)
    for name in ("one", "two"):
        with Store.open(tmp_path / name, create=True, cache=tmp_path / "cache") as store, store.writer() as writer:
            writer.add(b"x")
            writer.commit()
        assert not (tmp_path / name / "index.db").exists()
    assert len(list((tmp_path / "cache").glob("index-*.db"))) == 2


def test_without_a_cache_of_our_own_the_users_is_taken(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(objects, "is_shared_filesystem", lambda path: True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    with Store.open(tmp_path / "store", create=True) as store:
        assert store.absent([digest_of(b"x")])
    assert len(list((tmp_path / "xdg" / "track").glob("*.db"))) == 1


def test_a_copy_of_a_store_is_not_believed_to_have_what_the_first_got_later(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(objects, "is_shared_filesystem", lambda path: True)
    Store.open(tmp_path / "one", create=True).close()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "store.toml").write_bytes((tmp_path / "one" / "store.toml").read_bytes())
    with Store.open(tmp_path / "one", create=False, cache=tmp_path / "cache") as store, store.writer() as writer:
        digest = writer.add(b"x")
        writer.commit()
    with Store.open(tmp_path / "two", create=False, cache=tmp_path / "cache") as store:
        assert store.absent([digest]) == {digest}


def test_an_index_that_cannot_be_written_any_more_is_replaced_by_one_in_memory(store: Store, add: Adding) -> None:
    digests = add(*CONTENTS)
    store.close()
    path = store.path / "index.db"
    path.unlink()
    path.symlink_to("/dev/null/nowhere")
    assert _absent_after(store, digests) == set()


class _Failing:
    """A connection whose statements fail as SQLite's do."""

    def __init__(self, name: str) -> None:
        self._name = name

    def execute(self, *_: object) -> None:
        error = sqlite3.OperationalError("no")
        error.sqlite_errorname = self._name
        raise error

    def __enter__(self) -> "_Failing":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("SQLITE_FULL", DiskFull, "no space left for the index"),
        ("SQLITE_BUSY", StoreUnwritable, "in use by another process"),
        ("SQLITE_IOERR_FSYNC", StoreUnwritable, "cannot be used"),
    ],
)
def test_an_index_that_fails_says_which_and_why(store: Store, monkeypatch, name: str, kind: type, why: str) -> None:
    store.close()
    monkeypatch.setattr(index_module, "connect", lambda path: _Failing(name))
    monkeypatch.setattr(index_module, "version_of", lambda db: index_module.VERSION)
    with pytest.raises(kind, match=why) as caught:
        store.index.count()
    assert "index.db" in caught.value.message
    assert caught.value.hint


def test_files_that_are_no_packs_are_left_alone(store: Store, add: Adding) -> None:
    add(b"x")
    packs = store.path / "packs"
    for name in ("README", "zz/x.pack", "ab/cd.pack", "ab/" + "0" * 62 + ".tmp"):
        (packs / name).parent.mkdir(exist_ok=True)
        (packs / name).write_bytes(b"a person's")
    before = files(packs)
    store.index.rebuild()
    assert store.index.count() == 1
    assert files(packs) == before
    assert store.damage == []
