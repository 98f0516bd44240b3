"""Frozen files of format 1 of named artifacts: where their pointers lie, and what is agreed of them."""

import json
from pathlib import Path

import pytest

from track.model.declaration import Declaration, declaration_path, dump_declaration, parse_declaration
from track.model.names import artifact_pointer, parse_artifact_pointer

V1 = Path(__file__).parent / "v1" / "named"
PATHS = json.loads((V1 / "paths.json").read_text("utf-8"))


@pytest.mark.parametrize(("name", "partitions", "path"), PATHS["pointers"])
def test_a_frozen_path_is_read_and_written_as_it_is(name, partitions, path):
    assert artifact_pointer(name, partitions) == path.encode()
    assert parse_artifact_pointer(path.encode()) == (name, tuple(partitions.items()))


def test_a_declaration_lies_where_it_lay():
    name, path = PATHS["declaration"]
    assert declaration_path(name) == path.encode()


@pytest.mark.parametrize(
    ("file", "declaration"),
    [
        (
            "declaration.toml",
            Declaration(
                keys=("region", "vendor"),
                time="day",
                strict=True,
                type="text/csv",
                extra={"owner": "a later version"},
            ),
        ),
        ("declaration-least.toml", Declaration()),
    ],
)
def test_a_frozen_declaration_is_read_and_written_as_it_is(file, declaration):
    data = (V1 / file).read_bytes()
    assert parse_declaration(data, b"x") == declaration
    assert dump_declaration(declaration) == data
