"""Equivalence: which contents with other bytes mean the same, and which only look alike."""

import io

import numpy as np
import pytest

from track.formats.equivalence import meaning

CSV, JSON, TEXT, NPY = "text/csv", "application/json", "text/plain", "application/x-npy"


@pytest.mark.parametrize(
    ("first", "second", "type"),
    [
        (b"a,b\n1,2\n", b'a,b\r\n1.0,"2"\r\n', CSV),
        (b"a\tb\n1\t2\n", b"a\tb\n1e0\t2\n", "text/tab-separated-values"),
        (b'{"a": 1, "b": [true]}', b'{"b":[true],"a":1.0}\n', JSON),
        (b'{"a": 1}\n{"a": 2}\n', b'{"a":1}\n\n{"a":2}', "application/jsonl"),
        (b"one  \r\ntwo\r\n\r\n", b"one\ntwo\n", TEXT),
        (b"# t\n", b"\xef\xbb\xbf# t\n", "text/markdown"),
    ],
)
def test_the_same_in_other_bytes_is_equivalent(first: bytes, second: bytes, type: str) -> None:
    assert meaning(first, second, type) is not None and meaning(second, first, type) is not None


@pytest.mark.parametrize(
    ("first", "second", "type"),
    [
        (b"a,b\n1,2\n", b"a,b\n2,1\n", CSV),
        (b"a\n1\n2\n", b"a\n2\n1\n", CSV),
        (b"a\n007\n", b"a\n7\n", CSV),
        (b"a\nnan\n", b"a\nNaN\n", CSV),
        (b"a\n12345678901234567890123456\n", b"a\n12345678901234567890123457\n", CSV),
        (b"a\n1234567890123456789\n", b"a\n1234567890123456788\n", CSV),
        (b"a\n1e400\n", b"a\n1e500\n", CSV),
        (b"a\n1_0\n", b"a\n10\n", CSV),
        (b'{"a": 1}', b'{"a": true}', JSON),
        (b'{"a": 1}', b'{"a": "1"}', JSON),
        (b"[1, 2]", b"[2, 1]", JSON),
        (b"not json", b"not  json", JSON),
        (b"[" * 100_000, b"[" * 100_001, JSON),
        (b"a b\n", b"a  b\n", TEXT),
        (b"\xff", b"\xfe", TEXT),
        (b"\x00", b"\x01", None),
        (b"a", b"b", "application/x-pickle"),
        (b"a", b"b", NPY),
    ],
)
def test_what_differs_or_cannot_be_read_is_not(first: bytes, second: bytes, type: str | None) -> None:
    assert meaning(first, second, type) is None


def test_arrays_are_compared_by_what_is_in_them() -> None:
    def saved(array: object) -> bytes:
        stream = io.BytesIO()
        np.save(stream, array, allow_pickle=False)
        return stream.getvalue()

    ordered = np.arange(6.0).reshape(2, 3)
    assert meaning(saved(ordered), saved(np.asfortranarray(ordered)), NPY) == "the same array"
    assert meaning(saved(ordered), saved(ordered.astype("f4")), NPY) is None
    assert meaning(saved(ordered), saved(ordered.T), NPY) is None
    assert meaning(saved(ordered), saved(ordered + 1), NPY) is None
