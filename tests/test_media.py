"""The media type stands in a committed pointer, so it depends on the name alone."""

import pytest

from track.formats.media import type_of


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"data/train.parquet", "application/vnd.apache.parquet"),
        (b"A.CSV", "text/csv"),
        (b"archive.tar.gz", "application/gzip"),
        (b"README", None),
        (b".csv", None),
        (b"odd.suffix", None),
        (b"folder.csv/file", None),
        (b"\xff.png", "image/png"),
    ],
)
def test_the_suffix_alone_decides(path, expected):
    assert expected == type_of(path)
