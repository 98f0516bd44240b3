"""What Git LFS writes, as tables and properties; that the real one writes so is in the tests of the import."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.errors import MalformedContent
from track.model.lfs import Hashing, LfsPointer, is_lfs_pointer, object_key, parse_lfs_pointer, without_lfs

HEX = "ab" * 32
HEAD = "version https://git-lfs.github.com/spec/v1\n"


def test_a_pointer_is_read() -> None:
    data = f"{HEAD}oid sha256:{HEX}\nsize 12\n".encode()
    assert is_lfs_pointer(data)
    assert parse_lfs_pointer(data, b"x") == LfsPointer(HEX, 12)
    assert object_key(HEX) == f"ab/ab/{HEX}"


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}oid sha256:{HEX}\n",
        f"{HEAD}oid sha256:{HEX}\nsize -1\n",
        f"{HEAD}oid sha256:{HEX}\nsize 1\nsize 2\n",
        f"{HEAD}oid sha256:../../../etc/passwd\nsize 1\n",
        f"{HEAD}oid md5:{HEX}\nsize 1\n",
        f"{HEAD}ext-0-gzip sha256:{HEX}\noid sha256:{HEX}\nsize 1\n",
        HEAD,
    ],
)
def test_a_pointer_that_cannot_be_followed_is_refused(text: str) -> None:
    with pytest.raises(MalformedContent):
        parse_lfs_pointer(text.encode(), b"x")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_pointer_or_refused(data: bytes) -> None:
    with pytest.raises(MalformedContent):
        parse_lfs_pointer(HEAD.encode() + data if data.startswith(b"oid") else data, b"x")


@given(st.lists(st.binary(max_size=20)), st.integers(0, 40))
def test_content_is_what_it_should_be_in_its_bytes_and_their_number(pieces: list[bytes], size: int) -> None:
    whole = b"".join(pieces)
    hashing = Hashing(LfsPointer(hashlib.sha256(whole).hexdigest(), size))
    for piece in pieces:
        hashing.update(piece)
    assert hashing.holds() == (size == len(whole))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("*.bin filter=lfs diff=lfs merge=lfs -text\n", ""),
        ("*.bin filter=lfs diff=lfs merge=lfs -text lockable\r\n*.c text\r\n", "*.c text\r\n"),
        ("*.bin filter=lfs diff=lfs merge=lfs -text linguist-vendored\n", "*.bin linguist-vendored\n"),
        ("# *.bin filter=lfs\n\n*.x diff=lfs", "# *.bin filter=lfs\n\n*.x diff=lfs"),
        ("*.a filter=crypt\n", "*.a filter=crypt\n"),
    ],
)
def test_lines_lose_what_gives_files_to_git_lfs_and_nothing_else(before: str, after: str) -> None:
    assert without_lfs(before.encode()) == after.encode()
