"""Recipes: the pieces of a large object, and what is believed of them."""

import os
from pathlib import Path

import pytest

from track.errors import DamagedObject, NewerFormat
from track.model.digest import digest_of
from track.store.recipe import PIECE, Recipe, dump_recipe, make_recipe, parse_recipe

CONTENT = os.urandom(9 * PIECE + 77)
"""More than a slice of what is read ahead, and no whole number of pieces."""


def recipe_of(tmp_path: Path, content: bytes) -> Recipe:
    (tmp_path / "file").write_bytes(content)
    return make_recipe(tmp_path / "file")


def resealed(data: bytes) -> bytes:
    return data[:-32] + bytes(digest_of(data[:-32]))


@pytest.mark.parametrize("size", [PIECE + 1, 2 * PIECE, 4 * PIECE + 1, len(CONTENT)])
def test_a_recipe_has_the_digest_of_every_piece_and_of_the_whole(tmp_path: Path, size: int) -> None:
    content = CONTENT[:size]
    recipe = recipe_of(tmp_path, content)
    assert (recipe.digest, recipe.length) == (digest_of(content), size)
    assert list(recipe.pieces) == [digest_of(content[at : at + PIECE]) for at in range(0, size, PIECE)]
    assert parse_recipe(dump_recipe(recipe), recipe.digest) == recipe


def test_holes_are_pieces_like_others(tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb") as file:
        file.seek(11 * PIECE + 5)
        file.write(b"end")
    content = (tmp_path / "file").read_bytes()
    assert make_recipe(tmp_path / "file").pieces == recipe_of(tmp_path, content).pieces


def test_a_piece_that_is_not_as_it_should_be_is_found(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, CONTENT)
    assert recipe.first_bad(0, CONTENT) is None and recipe.first_bad(8 * PIECE, CONTENT[8 * PIECE :]) is None
    flipped = bytearray(CONTENT)
    flipped[5 * PIECE + 3] ^= 1
    assert recipe.first_bad(0, flipped) == 5 * PIECE
    assert recipe.first_bad(9 * PIECE, CONTENT[9 * PIECE :] + b"!") == 9 * PIECE
    assert recipe.first_bad(10 * PIECE, b"more") == 10 * PIECE


def test_what_is_no_recipe_is_refused(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, CONTENT)
    data = dump_recipe(recipe)
    short = recipe._replace(pieces=recipe.pieces[:-1], length=recipe.length)
    bad = {
        "empty": b"",
        "cut": data[:-1],
        "flipped": data[:70] + bytes([data[70] ^ 1]) + data[71:],
        "another object's": resealed(data[:28] + bytes(32) + data[60:]),
        "fewer pieces": resealed(data[:-72] + data[-32:]),
        "a longer object": resealed(data[:20] + (recipe.length + PIECE).to_bytes(8, "little") + data[28:]),
        "a huge count": resealed(data[:16] + b"\xff\xff\xff\xff" + data[20:]),
    }
    for name, each in bad.items():
        with pytest.raises(DamagedObject):
            parse_recipe(each, recipe.digest)
            pytest.fail(name)
    with pytest.raises(ValueError):
        dump_recipe(short)


def test_a_later_recipe_and_one_of_chunks_are_newer_not_damaged(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, CONTENT)
    data = dump_recipe(recipe)
    for later in (
        data[:8] + b"\2" + data[9:],
        data[:10] + b"\1" + data[11:],
        resealed(data[:12] + b"\1\0\0\0" + data[16:60] + bytes(32) + data[60:]),
    ):
        with pytest.raises(NewerFormat):
            parse_recipe(later, recipe.digest)
