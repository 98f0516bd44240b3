"""Frozen records of format 1: every later version reads them, and writes the same bytes."""

from pathlib import Path

import pytest

from track.model.digest import Digest, digest_of
from track.model.record_file import dump_record, parse_record

V1 = Path(__file__).parent / "v1" / "records"
RECORDS = {
    "least.toml": "171556a8da33157f0e4aa52afcf8a1d678fe6143e0fa3b283f57d8e583c24781",
    "whole.toml": "091828b28f5b4f3613cfe15c3289d9689b63e9016af4b4fb8eb5e72909d7a190",
    "said.toml": "7aa3c320fd987c620c062366e033984f7a9fcba682b72400fee37ca185494c74",
}


@pytest.mark.parametrize(("name", "digest"), RECORDS.items())
def test_the_frozen_records_are_read_and_written_to_the_byte(name: str, digest: str) -> None:
    content = (V1 / name).read_bytes()
    assert digest_of(content) == Digest.from_hex(digest)
    assert dump_record(parse_record(content, name)) == content


def test_the_whole_record_says_everything_there_is() -> None:
    record = parse_record((V1 / "whole.toml").read_bytes(), "whole.toml")
    unsaid = {name for name in record.__slots__ if not getattr(record, name) and name != "exit"}
    assert unsaid == set()
