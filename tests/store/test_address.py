"""What a URL means."""

from pathlib import Path

import pytest

from track.errors import UsageError
from track.store.address import Bucket, Folder, parse_address

BASE = Path("/home/ada/project")


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("s3://bucket", Bucket("bucket")),
        ("s3://bucket/", Bucket("bucket")),
        ("s3://bucket/team/project/", Bucket("bucket", "team/project")),
        ("s3://my.bucket-1/a b", Bucket("my.bucket-1", "a b")),
        ("../data", Folder(Path("/home/ada/data"))),
        ("/mnt/x", Folder(Path("/mnt/x"))),
        ("file:///mnt/x", Folder(Path("/mnt/x"))),
    ],
)
def test_an_address_is_a_folder_or_a_bucket(url: str, meant: Bucket | Folder) -> None:
    assert parse_address(url, base=BASE) == meant
    assert parse_address(str(meant), base=BASE) == meant


@pytest.mark.parametrize(
    "url",
    [
        "s3://", "s3:///prefix", "s3://b", "s3://bucket/a/../b", "s3://bucket//a", "s3://bucket/a%2e%2e",
        "s3://bucket/a\nb", "s3://bucket/a?x=1", "s3://bucket/#x", "s3://key:secret@bucket/a", "s3://bucket:80/a",
        "s3://bucket/caf\xe9", "gs://bucket", "S3://bucket", "https://host/x", "",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        parse_address(url, base=BASE)


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(UsageError) as error:
        parse_address("s3://key:hunter2@bucket/a", base=BASE)
    assert "hunter2" not in error.value.message + str(error.value.hint)
