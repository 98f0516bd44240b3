"""Frozen chunks of format 1: where an object is cut, a pack of its chunks, and the recipe that names them."""

import json
import random
from pathlib import Path

import pytest

from track.errors import DamagedObject, NewerFormat
from track.model.digest import digest_of
from track.store.chunked import (
    ChunkedRecipe,
    NeededPack,
    Stretch,
    chunks_of,
    dump_chunked,
    needed_packs,
    parse_chunked,
    parse_needed_table,
)
from track.store.chunking import chunker_of
from track.store.description import Chunking
from track.store.pack import PackWriter, expand_entry, parse_footer, read_table
from track.store.recipe import OF_WHOLE

V1 = Path(__file__).parent / "v1" / "chunks"
LINES = b"".join(b"line %09d of a large file\n" % number for number in range(90_000))
CONTENT = LINES[:500_000] + bytes(2 << 20) + LINES[:500_000] + LINES[600_000:700_000]
"""With a hole in it, and the same twice."""
DIGEST = digest_of(CONTENT)


def cuts() -> dict[str, dict[str, list[int]]]:
    """The lengths of chunks by kind of content and normalisation."""
    kinds = {"lines": LINES, "random": random.Random(4).randbytes(2_000_000), "zeros": bytes(1_000_000)}
    found: dict[str, dict[str, list[int]]] = {}
    for kind, content in kinds.items():
        for normalisation in (1, 2):
            chunker = chunker_of(Chunking(normalisation=normalisation))
            assert chunker is not None
            found.setdefault(kind, {})[str(normalisation)] = chunker.lengths(content, is_end=True)
    return found


def the_pack() -> Path:
    (path,) = (V1 / "packs").iterdir()
    return path


def needed() -> NeededPack:
    content = the_pack().read_bytes()
    footer = parse_footer(content[-64:], len(content), "the pack")
    return NeededPack(digest_of(content), footer.table_digest, footer.table_offset, footer.table_length // 92)


def written() -> dict[str, bytes]:
    """What this version writes, by name."""
    pack = needed()
    lengths = [entry.length for entry in read_table(the_pack())]
    stretches = (
        Stretch(0, 0, 8, 1, sum(lengths[:8])),
        Stretch(0, 8, 1, 7, 7 * lengths[8]),
        Stretch(0, 9, 6, 1, sum(lengths[9:15])),
        Stretch(0, 6, 1, 1, lengths[6]),
        Stretch(0, 15, 2, 1, sum(lengths[15:])),
    )
    recipe = ChunkedRecipe(DIGEST, len(CONTENT), (pack,), stretches)
    data = dump_chunked(recipe)
    later = data[:10] + b"\6" + data[11:]
    other = dump_chunked(recipe._replace(digest=digest_of(b"other")))
    longer = dump_chunked(recipe._replace(length=len(CONTENT) + 1))
    beyond = dump_chunked(recipe._replace(stretches=(*stretches[:-1], stretches[-1]._replace(chunks_count=999))))
    return {
        "chunks.recipe": data,
        "cuts.json": json.dumps(cuts()).encode() + b"\n",
        f"packs/{pack.digest.hex()}": the_pack().read_bytes(),
        "refused/newer-flag.recipe": later,
        "refused/damaged-cut.recipe": data[:-1],
        "refused/damaged-flipped.recipe": data[:150] + bytes([data[150] ^ 1]) + data[151:],
        "refused/damaged-other.recipe": other,
        "refused/damaged-longer.recipe": longer,
        "refused/damaged-beyond.recipe": beyond,
    }


def test_the_same_bytes_are_written() -> None:
    frozen = {path.relative_to(V1).as_posix(): path.read_bytes() for path in V1.rglob("*") if path.is_file()}
    assert written() == frozen


def test_the_same_pack_is_written(tmp_path: Path) -> None:
    content = the_pack().read_bytes()
    writer = PackWriter(tmp_path)
    for entry in read_table(the_pack()):
        writer.add_entry(entry, content[entry.offset : entry.offset + entry.stored_length])
    pack = writer.seal()
    assert pack is not None and pack.path.read_bytes() == content


def test_the_frozen_recipe_gives_the_object() -> None:
    stored = (V1 / "chunks.recipe").read_bytes()
    recipe = parse_chunked(stored, DIGEST)
    (pack,) = recipe.packs
    assert needed_packs(stored, DIGEST, 0) == (pack.digest,) and needed_packs(b"", DIGEST, OF_WHOLE) == ()
    content = the_pack().read_bytes()
    table = parse_needed_table(content[pack.table_offset : pack.table_offset + pack.table_length], pack)
    made = []
    for stretch in recipe.stretches:
        for chunk in [*chunks_of(stretch, table)] * stretch.times:
            made.append(expand_entry(chunk, content[chunk.offset : chunk.offset + chunk.stored_length], "the pack"))
    assert b"".join(made) == CONTENT


@pytest.mark.parametrize("path", sorted((V1 / "refused").iterdir()), ids=lambda path: path.stem)
def test_what_is_refused(path: Path) -> None:
    with pytest.raises(NewerFormat if path.name.startswith("newer") else DamagedObject):
        parse_chunked(path.read_bytes(), DIGEST)
