"""A remote beside the repository that lies: it may be read from, so whatever is in it must do no harm."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from backports import zstd
from blake3 import blake3

from safety.hostile.case import GOOD, Case, Place, committed, linked, removed, write
from support.hostile import pointer
from support.remotes import WRITER, new_remote
from track.model.digest import digest_of
from track.store.backends.folder import open_folder
from track.store.layout import object_key, pack_key, segment_key
from track.store.objects import Store
from track.store.pack import RAW, ZSTD, PackEntry, PackWriter
from track.store.segment import Held, PackSize, build_segment

WANTED = b"what the pointer needs\n" * 40
DIGEST = digest_of(WANTED)
TERABYTE = 1 << 40
ZEROS = bytes(64 << 20)
BOMB, BOMB_DIGEST = zstd.compress(ZEROS), blake3(ZEROS).digest()
Lie = Callable[[Place, Path], object]


def remote(lie: Lie) -> Callable[[Place], None]:
    """A folder beside the clone with a whole remote in it that has what is wanted, and then this lie."""

    def make(place: Place) -> None:
        top = place.around / "remote"
        text = "[core]\nremote = 'origin'\n[remote.origin]\nurl = '../remote'\n"
        committed(place, {".track/config.toml": text, "wanted.bin.track": pointer(WANTED)})
        top.mkdir()
        work = place.around.parent / "work"
        with Store.open(work / "store", create=True) as store:
            with store.writer() as writer:
                writer.add(WANTED)
                writer.add(GOOD)
                writer.commit()
            with new_remote(open_folder(top), work / "origin.db") as made:
                made.refresh()
                made.send(store, [DIGEST, digest_of(GOOD)], writer=WRITER, roots={"HEAD": (DIGEST,)})
        shutil.rmtree(work)
        for path in top.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        lie(place, top)

    return make


def indexed(*held: Held, packs: tuple[PackSize, ...] = (), level: int = 0) -> Lie:
    """Only a segment that says this."""

    def lie(_: Place, top: Path) -> None:
        shutil.rmtree(top / "index")
        name, data = build_segment(held, packs, level=level)
        write(top / segment_key(name), data)

    return lie


def whole(length: int, size: int) -> Lie:
    """The wanted object as a file of its own: so long in the index, so long on disk."""

    def lie(place: Place, top: Path) -> None:
        indexed(Held(DIGEST, None, RAW, 0, 0, 0, length))(place, top)
        sparse(top / object_key(DIGEST), size)

    return lie


def sparse(path: Path, size: int) -> None:
    """A file of zeros that takes no room."""
    removed(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, size)


def packed(*entries: tuple[PackEntry, bytes], says: int | None = None) -> Lie:
    """One pack of these entries, indexed as they say; `says` is its size in the index."""

    def lie(place: Place, top: Path) -> None:
        shutil.rmtree(top / "packs")
        (place.around.parent / "staging").mkdir()
        writer = PackWriter(place.around.parent / "staging", threads=1)
        for entry, stored in entries:
            writer.add_entry(entry, stored)
        sealed = writer.seal()
        assert sealed is not None
        held = [
            Held(each.digest, sealed.name, each.form, each.flags, each.offset, each.stored_length, each.length)
            for each in sealed.entries
        ]
        indexed(*held, packs=(PackSize(sealed.name, says or sealed.size),))(place, top)
        write(top / pack_key(sealed.name), sealed.path.read_bytes())
        shutil.rmtree(place.around.parent / "staging")

    return lie


def entry(form: int, stored: bytes, length: int, *, digest: bytes = DIGEST, flags: int = 0) -> tuple[PackEntry, bytes]:
    """An entry of a pack, true about its stored bytes."""
    return PackEntry(digest, form, flags, 0, len(stored), length, blake3(stored).digest()), stored


def each(folder: str, lie: Callable[[Path], object]) -> Lie:
    """The same lie at every file in a folder."""

    def made(_: Place, top: Path) -> None:
        for path in [path for path in (top / folder).rglob("*") if path.is_file()]:
            lie(path)

    return made


def text(name: str, content: str | bytes) -> Lie:
    """One file with this content."""
    return lambda _, top: write(top / name, content)


def away(name: str, target: str) -> Lie:
    """A link in the place of a folder or file."""
    return lambda place, top: linked(top / name, target.replace("{out}", str(place.around)))


ROOTS = f"roots/{WRITER}/00000009-00000000"
PACK = PackSize(bytes(32), 1 << 62)
NAUGHTY = (
    "index/0-../../../elsewhere/x",
    "index/9999-" + "0" * 64,
    "objects/../x",
    "packs/\x1b[2J",
    "roots/x/y",
    "probe/x",
)
CASES = (
    Case("an honest one", remote(lambda _, top: None), codes={"pull": (4,), "push": (5,), "checkout": (4,)}),
    Case("store: a terabyte", remote(lambda _, top: sparse(top / "store.toml", TERABYTE)), codes={"pull": (7,)}),
    Case("store: without an end", remote(away("store.toml", "/dev/zero")), codes={"pull": (5,)}),
    Case("store: another's file", remote(away("store.toml", "{out}/precious")), codes={"pull": (5,)}),
    Case(
        "store: a pipe",
        remote(lambda _, top: [removed(top / "store.toml"), os.mkfifo(top / "store.toml")]),
        codes={"pull": (5,)},
    ),
    Case("store: later", remote(text("store.toml", "[store]\nformat = 99\nid = 'x'\n")), codes={"pull": (3,)}),
    Case(
        "store: no identity", remote(text("store.toml", "[store]\nformat = 1\nid = '../../x'\n")), codes={"pull": (5,)}
    ),
    Case("store: a long key", remote(text("store.toml", ".".join(["a"] * 30_000) + " = 1\n")), codes={"pull": (5,)}),
    Case("store: deep", remote(text("store.toml", "x = " + "[" * 30_000 + "\n")), codes={"pull": (5,)}),
    Case("store: speaks", remote(text("store.toml", "[store]\nformat = 1\nid = '\x1b[2J'\n")), codes={"pull": (5,)}),
    Case(
        "store: chunks of 2^63",
        remote(text("store.toml", f"[store]\nformat = 1\nid = '{'a' * 32}'\n[chunks]\nminimum = {2**63}\n")),
    ),
    Case("index: a terabyte", remote(each("index", lambda path: sparse(path, TERABYTE)))),
    Case(
        "index: counts of 2^32",
        remote(each("index", lambda path: path.write_bytes(b"trackidx\1\0\0\0" + b"\xff" * 12 + bytes(2000)))),
    ),
    Case(
        "index: merged counts of 2^32",
        remote(text("index/9-" + "0" * 64, b"trackidx\1\0\x09\x01" + b"\xff" * 12 + bytes(2000))),
    ),
    Case("index: links", remote(away("index", "/etc"))),
    Case("index: its own parent", remote(away("index/round", ".."))),
    Case("index: all of the disk", remote(away("index/all", "/"))),
    Case(
        "index: a thousand names",
        remote(lambda _, top: [write(top / f"index/0-{number:064x}", b"x") for number in range(1000)]),
    ),
    Case(
        "index: naughty names",
        remote(lambda _, top: [write(top / name.replace("/../", "/"), b"x") for name in NAUGHTY]),
    ),
    Case(
        "index: an offset of 2^32 - 1",
        remote(indexed(Held(DIGEST, PACK.digest, RAW, 0, 2**32 - 1, 10, 10), packs=(PACK,))),
    ),
    Case(
        "index: a length of 2^63 - 1",
        remote(indexed(Held(DIGEST, PACK.digest, ZSTD, 0, 0, 2**32 - 1, 2**63 - 1), packs=(PACK,))),
    ),
    Case(
        "index: a pack that is not there",
        remote(indexed(Held(DIGEST, PACK.digest, RAW, 0, 0, 920, 920), packs=(PACK,))),
    ),
    Case(
        "index: one digest in many packs",
        remote(
            indexed(
                *(Held(DIGEST, number.to_bytes(32, "big"), RAW, 0, 0, 920, 920) for number in range(200)),
                packs=tuple(PackSize(number.to_bytes(32, "big"), 1000) for number in range(200)),
            )
        ),
    ),
    Case("index: a form of the future", remote(indexed(Held(DIGEST, PACK.digest, 77, 3, 0, 10, 10), packs=(PACK,)))),
    Case("index: a level of 199", remote(indexed(Held(DIGEST, None, RAW, 0, 0, 0, 920), level=199))),
    Case("objects: a terabyte", remote(whole(TERABYTE, TERABYTE)), never=("pull", "fetch")),
    Case(
        "objects: a terabyte that says little",
        remote(whole(len(WANTED), TERABYTE)),
        codes={"pull": (7,)},
        verbs=(("fetch",),),
    ),
    Case(
        "objects: little that says 2^63 - 1", remote(whole(2**63 - 1, 10)), codes={"pull": (4, 7)}, verbs=(("fetch",),)
    ),
    Case(
        "objects: a link",
        remote(
            lambda place, top: [whole(920, 1)(place, top), linked(top / object_key(DIGEST), place.around / "precious")]
        ),
    ),
    Case("packs: a terabyte", remote(each("packs", lambda path: sparse(path, TERABYTE)))),
    Case("packs: a bomb", remote(packed(entry(ZSTD, BOMB, len(WANTED)))), codes={"pull": (7,)}),
    Case("packs: a bomb that tells", remote(packed(entry(ZSTD, BOMB, len(ZEROS)))), codes={"pull": (7,)}),
    Case(
        "packs: bombs beside what is wanted",
        remote(
            packed(
                entry(RAW, WANTED, len(WANTED)),
                *(entry(ZSTD, BOMB, len(ZEROS), digest=BOMB_DIGEST) for _ in range(300)),
            )
        ),
    ),
    Case("packs: another object", remote(packed(entry(RAW, b"harm" * 230, 920))), codes={"pull": (7,)}),
    Case(
        "packs: one object twice",
        remote(packed(entry(RAW, b"harm" * 230, 920), entry(RAW, WANTED, 920))),
        codes={"pull": (4,)},
    ),
    Case("packs: a recipe", remote(packed(entry(2, b"x" * 99, 920)))),
    Case("packs: nothing in it", remote(packed(entry(RAW, b"", 0)))),
    Case("packs: flags", remote(packed(entry(RAW, WANTED, 920, flags=0xFFFF)))),
    Case("packs: the index says more", remote(packed(entry(RAW, WANTED, 920), says=2**62))),
    Case("packs: links", remote(away("packs", "{out}/elsewhere"))),
    Case("roots: a terabyte", remote(lambda _, top: sparse(top / ROOTS, TERABYTE))),
    Case("roots: later", remote(text(ROOTS, "format = 99\n"))),
    Case("roots: a long key", remote(text(ROOTS, ".".join(["a"] * 100_000) + " = 1\n"))),
    Case("roots: deep", remote(text(ROOTS, "x = " + "[" * 100_000 + "\n"))),
    Case(
        "roots: everything is here",
        remote(text(ROOTS, f"format = 1\nwriter = '{WRITER}'\ncomplete = true\n[refs]\n'../../x' = ['{DIGEST}']\n")),
    ),
    Case(
        "roots: claims",
        remote(
            lambda _, top: [write(top / f"roots/{number:032x}/00000001-00000000.claim", b"x") for number in range(200)]
        ),
    ),
    Case(
        "tombstones",
        remote(lambda _, top: [write(top / f"tombstones/{number:08}-00000000", b"x") for number in range(200)]),
    ),
)
