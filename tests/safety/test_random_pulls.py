"""Pulls by lot into a store that keeps chunks: sizes, windows, edits, and requests that are altered or broken off.

A few lots are drawn; `TRACK_SAFETY=full python -m pytest tests/safety/test_random_pulls.py` draws more.
"""

import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.remotes import WRITER, new_remote
from support.scene import FULL
from track.errors import RemoteUnreachable
from track.model.digest import digest_of
from track.store import outlook, pack, repeats, slabs, streams, windows
from track.store.backends.folder import open_folder
from track.store.checkup import check_store
from track.store.cutting import writing
from track.store.description import CHOSEN, Chunking
from track.store.objects import Store

KIB, MIB = 1 << 10, 1 << 20
FINE = Chunking(minimum_bytes=2 << 10, average_bytes=8 << 10, maximum_bytes=32 << 10, normalisation=2)


def versions(lot: random.Random) -> list[bytes]:
    """A few contents of a MiB or more, which have much in common."""
    parts = [lot.randbytes(lot.randrange(MIB, 3 * MIB)), bytes(lot.randrange(1, 5 * MIB))]
    parts.append(b"".join(b"%d,a row of a table\n" % lot.getrandbits(40) for _ in range(40_000)))
    found = []
    for _ in range(lot.randrange(1, 6)):
        content = b"".join(lot.choices(parts, k=lot.randrange(1, 5))) + bytes(MIB)
        for _ in range(lot.randrange(4)):
            at = lot.randrange(len(content))
            content = content[:at] + lot.randbytes(lot.randrange(1000)) + content[at + lot.randrange(1000) :]
        found.append(content[: 12 * MIB])
    return found


def draw_sizes(lot: random.Random, patch: pytest.MonkeyPatch) -> None:
    """Everything that is had together is small, and of another size each time."""
    patch.setattr(pack, "PACK_SIZE", lot.randrange(200 * KIB, 2 * MIB))
    patch.setattr(slabs, "SLAB", lot.randrange(300 * KIB, 2 * MIB))
    patch.setattr(streams, "BATCH", lot.randrange(50 * KIB, MIB))
    patch.setattr(streams, "CHUNKS", lot.randrange(1, 100))
    patch.setattr(outlook, "STEP", lot.randrange(20 * KIB, MIB))
    patch.setattr(windows, "STEP", outlook.STEP)
    patch.setattr(windows, "HORIZON", lot.randrange(1, 6 * MIB))
    patch.setattr("track.store.intake.HORIZON", windows.HORIZON)
    patch.setattr(windows, "AHEAD", lot.randrange(1, 3 * MIB))
    patch.setattr(windows, "LIMIT", lot.randrange(100 * KIB, 6 * MIB))
    patch.setattr(windows, "WHOLE_LIMIT", lot.randrange(1, 3 * MIB))
    patch.setattr(repeats, "LIMIT", lot.randrange(1, MIB))
    patch.setattr("track.store.chunk_reading.CHUNKS_LIMIT", lot.randrange(100 * KIB, 2 * MIB))


class Unsteady:
    """Answers that are altered now and then, but not the same ones twice running, and a line that breaks."""

    def __init__(self, lot: random.Random, get_range: Any) -> None:
        self._lot, self._get_range = lot, get_range
        self.rate, self.breaks_after = lot.choice([0.0, 0.1, 0.3]), lot.choice([None, 3, 10, 30])
        self._altered: set[tuple[str, int]] = set()

    def __call__(self, key: str, offset: int, length: int) -> bytes | memoryview:
        data = bytes(self._get_range(key, offset, length))
        if self.breaks_after is not None:
            self.breaks_after -= 1
            if not self.breaks_after:
                self.breaks_after = None
                raise RemoteUnreachable("it broke off")
        if self._lot.random() >= self.rate or (key, offset) in self._altered or not data:
            return data
        self._altered.add((key, offset))
        at = self._lot.randrange(len(data))
        return data[:at] if self._lot.random() < 0.5 else data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("seed", range(200 if FULL else 6))
def test_whatever_comes_is_what_it_was(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = random.Random(seed)
    contents = versions(lot)
    (tmp_path / "place").mkdir()
    place = open_folder(tmp_path / "place")
    chunking = lot.choice([CHOSEN, FINE])
    draw_sizes(lot, monkeypatch)
    with ExitStack() as stack:
        ada, bob = (stack.enter_context(Store.open(tmp_path / name / "store", create=True)) for name in ("ada", "bob"))
        there = stack.enter_context(new_remote(place, tmp_path / "ada.db", chunking))
        remote = stack.enter_context(new_remote(open_folder(tmp_path / "place"), tmp_path / "bob.db", chunking))
        for content in contents:
            with writing(ada) as writer:
                writer.add_content(content)
                writer.commit()
            there.send(ada, [digest_of(content)], writer=WRITER, roots={"HEAD": (digest_of(content),)})
        remote.refresh()
        unsteady = Unsteady(lot, remote.place.get_range)
        remote.place.get_range = unsteady  # type: ignore[method-assign]
        left = list(dict.fromkeys(map(digest_of, contents)))
        lot.shuffle(left)
        while left:
            some = left[: lot.randrange(1, len(left) + 1)]
            bob.wants_chunks = lot.random() < 0.8
            if lot.random() < 0.1 and bob.chunks_path is not None:
                bob.chunks_path.unlink(missing_ok=True)
            try:
                fetched = remote.fetch(bob, some)
            except RemoteUnreachable:
                continue
            assert not fetched.missing
            unsteady.rate = 0.0 if fetched.damaged else unsteady.rate
            left = [digest for digest in left if digest not in some or digest in fetched.damaged]
        for content in contents:
            assert bob.read(digest_of(content)) == content
        assert not check_store(bob).bad
