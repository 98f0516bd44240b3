"""A frozen remote whose files are sealed: every later version opens it, and seals the same bytes.

`identity.txt` opens it, and nothing else in the world.
"""

import shutil
from pathlib import Path

import pytest

from support.remotes import add_objects
from track.errors import NewerFormat, NotAStore
from track.model.digest import digest_of
from track.store.address import Access
from track.store.backends.age import read_identities, unwrap
from track.store.backends.folder import open_folder
from track.store.backends.sealed import SealedPlace
from track.store.backends.sealing import BLOCK, Sealing
from track.store.description import Description, Encryption, WrappedKey, dump_description, parse_description
from track.store.layout import object_key, pack_key, segment_key
from track.store.objects import Store
from track.store.pack import PackWriter
from track.store.remote import Remote, open_remote
from track.store.roots import RootsEntry, dump_roots
from track.store.segment import Held, PackSize, build_segment

V1 = Path(__file__).parent / "v1" / "sealed"
STORE = "00112233445566778899aabbccddeeff"
WRITER = "ffeeddccbbaa99887766554433221100"
KEY = bytes(range(32))
KEY_ID = "adcb0a7efe2435b43a0e1fc49e5c79b8"
SMALL = (b"", b"one\n", b"two\n", bytes(range(256)))
LARGE = b"a file of its own, over the edge of a block\n" * (BLOCK // 40)
GOLDEN = "blake3:c529c297f055da7fba4a074e825201e3236bd7683103aa91cc070014a66e9954"


def written(folder: Path) -> None:
    """Write what this version writes."""
    folder.mkdir()
    place = SealedPlace(open_folder(folder), Sealing(KEY, STORE), folder.with_name("sealing"))
    writer = PackWriter(folder.with_name("packs"))
    for content in SMALL:
        writer.add(digest_of(content), content)
    pack = writer.seal()
    assert pack is not None
    held = [Held(one.digest, pack.name, one.form, one.flags, one.offset, one.stored_length, one.length)
            for one in pack.entries]  # fmt: skip
    alone = Held(digest_of(LARGE), None, 0, 0, 0, 0, len(LARGE))
    name, segment = build_segment([*held, alone], [PackSize(pack.name, pack.size)])
    place.put(pack_key(pack.name), pack.path.read_bytes())
    place.put(object_key(digest_of(LARGE)), LARGE)
    place.put(segment_key(name), segment)
    entry = RootsEntry(WRITER, True, {"HEAD": (digest_of(SMALL[1]), digest_of(LARGE))})
    place.put(f"roots/{WRITER}/00000001-0a0b0c0d", dump_roots(entry))


def frozen(folder: Path = V1) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent != folder
    }


def opened(folder: Path, tmp_path: Path) -> Remote:
    access = Access(identity=V1 / "identity.txt", key_id=KEY_ID)
    return open_remote(str(folder), name="origin", base=tmp_path, record=tmp_path / "known.db", access=access)


def test_the_same_bytes_are_sealed(tmp_path: Path) -> None:
    written(tmp_path / "remote")
    assert frozen(tmp_path / "remote") == frozen()


def test_the_frozen_files_are_still_those() -> None:
    everything = b"".join(f"{key} {digest_of(data)}\n".encode() for key, data in sorted(frozen().items()))
    assert str(digest_of(everything)) == GOLDEN


def test_every_object_is_fetched_and_the_next_push_goes_there(tmp_path: Path) -> None:
    shutil.copytree(V1, tmp_path / "remote", ignore=shutil.ignore_patterns("*.txt"))
    with opened(tmp_path / "remote", tmp_path) as remote, Store.open(tmp_path / "store", create=True) as store:
        remote.refresh()
        wanted = [digest_of(content) for content in (*SMALL, LARGE)]
        fetched = remote.fetch(store, wanted)
        assert not fetched.missing and not fetched.damaged
        assert [store.read(digest) for digest in wanted[:-1]] == [*SMALL]
        assert remote.complete(wanted) == {wanted[1], wanted[-1]}
        assert remote.verify(deep=True).problems == ()
        (more,) = add_objects(store, [b"more\n"])
        assert remote.send(store, [*wanted, more], writer=WRITER, roots={"HEAD": (more,)}).objects_count == 1


def test_the_key_is_wrapped_for_the_identity(tmp_path: Path) -> None:
    description = parse_description((V1 / "store.toml").read_bytes(), "there")
    assert description.encryption is not None and description.encryption.key_id == KEY_ID == Sealing(KEY, STORE).key_id
    identities = read_identities(V1 / "identity.txt")
    assert unwrap(description.encryption.keys, STORE, identities, "there") == KEY
    assert dump_description(description) == (V1 / "store.toml").read_bytes()


def test_what_cannot_open_it_refuses_it_by_its_format() -> None:
    """An older version knows no format but 1: `test_v1_remote` has what it reads."""
    text = (V1 / "store.toml").read_text()
    assert "\nformat = 2\n" in text.partition("[encryption]")[0]
    for before, after in (('"aes-256-gcm"', '"rot13"'), ("[encryption]\nformat = 1", "[encryption]\nformat = 2"),
                          ("[store]\nformat = 2", "[store]\nformat = 3")):  # fmt: skip
        assert before in text
        with pytest.raises(NewerFormat):
            parse_description(text.replace(before, after).encode(), "there")
    plain = dump_description(Description(STORE)).decode()
    with pytest.raises(NotAStore, match="cut off"):
        parse_description(plain.replace("format = 1", "format = 2").encode(), "there")
    for wrong in (
        text.replace("[store]\nformat = 2", "[store]\nformat = 1"),
        text.replace(KEY_ID, "f"),
        text.replace("age1", "nobody"),
        text.replace('wrapped = "', 'wrapped = "?'),
    ):
        with pytest.raises(NotAStore):
            parse_description(wrong.encode(), "there")


def test_what_is_written_is_read_again() -> None:
    description = Description(
        STORE, encryption=Encryption(KEY_ID, (WrappedKey("age1x", b"w"), WrappedKey("age1y", b"")))
    )
    assert parse_description(dump_description(description), "there") == description
