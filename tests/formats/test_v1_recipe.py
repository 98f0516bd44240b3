"""A frozen recipe of format 1, alone and in a pack: every later version reads it, and writes the same bytes."""

from pathlib import Path

import pytest

from track.errors import DamagedObject, NewerFormat
from track.model.digest import digest_of
from track.store.pack import PackEntry, PackWriter, read_table
from track.store.recipe import OF_WHOLE, PIECE, RECIPE, dump_recipe, make_recipe, parse_recipe

V1 = Path(__file__).parent / "v1" / "recipes"
CONTENT = b"".join(b"line %09d of a large file\n" % number for number in range(90_000))
DIGEST = digest_of(CONTENT)


def written(folder: Path) -> dict[str, bytes]:
    """What this version writes, by name."""
    (folder / "content").write_bytes(CONTENT)
    data = dump_recipe(make_recipe(folder / "content"))
    writer = PackWriter(folder)
    writer.add_entry(PackEntry(DIGEST, RECIPE, OF_WHOLE, 0, len(data), len(CONTENT), digest_of(data)), data)
    pack = writer.seal()
    assert pack is not None
    chunked = data[:12] + b"\1\0\0\0" + data[16:60] + bytes(32) + data[60:-32]
    return {
        "whole.recipe": data,
        "recipe.pack": pack.path.read_bytes(),
        "refused/newer-version.recipe": data[:8] + b"\2" + data[9:],
        "refused/newer-chunks.recipe": chunked + bytes(digest_of(chunked)),
        "refused/damaged-cut.recipe": data[:-1],
        "refused/damaged-piece.recipe": data[:64] + bytes([data[64] ^ 1]) + data[65:],
    }


def test_the_same_bytes_are_written(tmp_path: Path) -> None:
    frozen = {path.relative_to(V1).as_posix(): path.read_bytes() for path in V1.rglob("*") if path.is_file()}
    assert written(tmp_path) == frozen


def test_the_frozen_recipe_is_read() -> None:
    recipe = parse_recipe((V1 / "whole.recipe").read_bytes(), DIGEST)
    assert recipe.length == len(CONTENT) and recipe.first_bad(0, CONTENT) is None
    assert [digest_of(CONTENT[at : at + PIECE]) for at in range(0, len(CONTENT), PIECE)] == list(recipe.pieces)
    (entry,) = read_table(V1 / "recipe.pack")
    stored = (V1 / "recipe.pack").read_bytes()[: entry.stored_length]
    assert (entry.digest, entry.form, entry.flags) == (DIGEST, 2, 1)
    assert parse_recipe(stored, DIGEST) == recipe


@pytest.mark.parametrize("path", sorted((V1 / "refused").iterdir()), ids=lambda path: path.stem)
def test_what_is_refused(path: Path) -> None:
    with pytest.raises(NewerFormat if path.name.startswith("newer") else DamagedObject):
        parse_recipe(path.read_bytes(), DIGEST)
