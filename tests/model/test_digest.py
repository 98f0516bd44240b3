"""Digests: one text for one name, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.model.digest import Digest, digest_of

EMPTY = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


def test_a_digest_is_the_blake3_of_the_bytes():
    assert str(digest_of(b"")) == f"blake3:{EMPTY}"
    assert digest_of(memoryview(b"abc")).hex() == "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"


@given(st.binary(min_size=32, max_size=32))
def test_parse_reads_back_the_text_of_every_digest(raw):
    digest = Digest(raw)
    assert Digest.parse(str(digest)) == digest == raw
    assert Digest.from_hex(digest.hex()) == digest
    assert f"{digest}" == str(digest)
    assert digest.short == raw.hex()[:8]
    assert hash(digest) == hash(raw)
    assert eval(repr(digest)) == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        EMPTY,
        "blake3:",
        f"blake3:{EMPTY.upper()}",
        f"BLAKE3:{EMPTY}",
        f"md5:{EMPTY}",
        f"blake3:{EMPTY[:-1]}",
        f"blake3:{EMPTY}0",
        f"blake3:{EMPTY}\n",
        f" blake3:{EMPTY}",
        f"blake3:{EMPTY[:-2]} 0",
        f"blake3:{EMPTY[:-1]}٣",
    ],
)
def test_parse_refuses_every_other_spelling(text):
    with pytest.raises(ValueError, match="64 hex digits"):
        Digest.parse(text)


@pytest.mark.parametrize("digits", ["", EMPTY.upper(), EMPTY[:-1], EMPTY + "0", f"0x{EMPTY[2:]}", f"{EMPTY}\n"])
def test_from_hex_takes_64_small_digits_alone(digits):
    with pytest.raises(ValueError, match="64 hex digits"):
        Digest.from_hex(digits)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_digest_has_32_bytes(size):
    with pytest.raises(ValueError, match="32 bytes"):
        Digest(bytes(size))
