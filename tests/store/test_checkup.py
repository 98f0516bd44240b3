"""A checkup leaves a store that offers nothing bad, has kept everything sound, and says each damage once."""

import os
from pathlib import Path

from track.model.digest import digest_of
from track.store.checkup import check_store
from track.store.objects import Store
from track.store.pack import read_table

CONTENTS = [bytes([number]) * (100 + number) for number in range(20)]


def filled(path: Path) -> Store:
    store = Store.open(path, create=True)
    with store.writer() as writer:
        for content in CONTENTS:
            writer.add(content)
        writer.commit()
    return store


def spoil(store: Path, content: bytes) -> Path:
    """Flip one bit of an object in its pack."""
    (pack,) = (store / "packs").rglob("*.pack")
    (entry,) = (entry for entry in read_table(pack) if entry.digest == digest_of(content))
    os.chmod(pack, 0o644)
    with pack.open("r+b") as file:
        file.seek(entry.offset)
        byte = file.read(1)[0]
        file.seek(entry.offset)
        file.write(bytes([byte ^ 1]))
    return pack


def test_a_damaged_pack_is_put_aside_and_what_was_sound_in_it_stays(tmp_path: Path) -> None:
    with filled(tmp_path / "store") as store:
        pack = spoil(store.path, CONTENTS[7])

        (bad,) = check_store(store).bad

        assert (digest_of(CONTENTS[7]),) == bad.digests
        assert not pack.exists()
        assert 1 == len(list((store.path / "quarantine").iterdir()))
        assert {digest_of(CONTENTS[7])} == store.absent([digest_of(content) for content in CONTENTS])
        for content in CONTENTS[:7] + CONTENTS[8:]:
            assert content == store.read(digest_of(content))


def test_a_damage_that_was_mended_is_not_told_again(tmp_path: Path) -> None:
    with filled(tmp_path / "store") as store:
        spoil(store.path, CONTENTS[3])
        check_store(store)

        assert () == check_store(store).bad
        with store.writer() as writer:
            writer.add(CONTENTS[3])
            writer.commit()
        assert CONTENTS[3] == store.read(digest_of(CONTENTS[3]))
        assert () == check_store(store).bad


def test_a_pack_of_which_nothing_is_sound_is_put_aside_whole(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as store:
        with store.writer() as writer:
            writer.add(CONTENTS[0])
            writer.commit()
        spoil(store.path, CONTENTS[0])

        (bad,) = check_store(store).bad

        assert (digest_of(CONTENTS[0]),) == bad.digests
        assert [] == list((store.path / "packs").rglob("*.pack"))
        assert () == check_store(store).bad
