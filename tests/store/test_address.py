"""What a URL means."""

from pathlib import Path

import pytest

from track.errors import UsageError
from track.store.address import (
    Address,
    AzureContainer,
    Bucket,
    DavFolder,
    Folder,
    GoogleBucket,
    SshFolder,
    WebFolder,
    parse_address,
)

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
        ("az://data", AzureContainer("data")),
        ("azure://data/team/project/", AzureContainer("data", "team/project")),
        ("abfss://data@acme.dfs.core.windows.net/a", AzureContainer("data", "a", "acme")),
        ("https://acme.blob.core.windows.net/data/a%20b", AzureContainer("data", "a b", "acme")),
        ("gs://bucket", GoogleBucket("bucket")),
        ("gcs://bucket/a/b", GoogleBucket("bucket", "a/b")),
        ("https://storage.googleapis.com/bucket/a", GoogleBucket("bucket", "a")),
        ("https://storage.cloud.google.com/bucket/a", GoogleBucket("bucket", "a")),
        ("https://console.cloud.google.com/storage/browser/bucket/a?project=x", GoogleBucket("bucket", "a")),
        ("https://Data.Example.org/", WebFolder("data.example.org")),
        ("https://data.example.org:8443/a/b%20c/", WebFolder("data.example.org:8443", "a/b%20c")),
        ("http://[::1]:80/a", WebFolder("[::1]:80", "a", is_plain=True)),
        ("webdavs://cloud.example.org/dav/files/ada", DavFolder("cloud.example.org", "dav/files/ada")),
        ("davs://host/a", DavFolder("host", "a")),
        ("dav://127.0.0.1:8080/a", DavFolder("127.0.0.1:8080", "a", is_plain=True)),
        ("ssh://ada@host:2222/srv/data", SshFolder("host:2222", "/srv/data", "ada")),
        ("sftp://host/~/data/", SshFolder("host", "/~/data")),
        ("ssh://host/a%20b/100%25%3F", SshFolder("host", "/a b/100%?")),
        ("host:/srv/data", SshFolder("host", "/srv/data")),
        ("ada@Host.example.org:data/", SshFolder("host.example.org", "/~/data", "ada")),
        ("host:~/data", SshFolder("host", "/~/data")),
        ("[::1]:/srv/data", SshFolder("[::1]", "/srv/data")),
        ("./host:data", Folder(Path("/home/ada/project/host:data"))),
        ("C:/data", Folder(Path("/home/ada/project/C:/data"))),
    ],
)
def test_an_address_means_one_place_and_has_one_spelling(url: str, meant: Address) -> None:
    assert parse_address(url, base=BASE) == meant
    assert parse_address(str(meant), base=BASE) == meant


@pytest.mark.parametrize(
    "url",
    [
        "s3://", "s3:///prefix", "s3://b", "s3://bucket/a/../b", "s3://bucket//a", "s3://bucket/a%2e%2e",
        "s3://bucket/a\nb", "s3://bucket/a?x=1", "s3://bucket/#x", "s3://key:secret@bucket/a", "s3://bucket:80/a",
        "s3://bucket/caf\xe9", "S3://bucket", "",
        "gopher://host/x", "memory://x", "az://", "az://Data", "az://a--b/x", "az://data/a?sv=1&sig=secret", "az://k:s@data/a",
        "https://acme.blob.core.windows.net/data?sv=1&sig=secret", "https://acme.blob.core.windows.net/",
        "abfss://data@evil.example/a", "gs://", "gs://b", "gs://bucket/a/../b", "gs://t:s@bucket/a", "https://",
        "https://ada:secret@host/x", "https://host/x?token=secret", "https://host/#x", "https://host/a/../b",
        "https://host/%2e%2e/b", "https://host/a%2fb", "https://host/a b", "https://host/a%00", "https://ho st/x",
        "https://host:port/x", "https://[::1/x", "https://-x/y", "webdav://ada:secret@host/x", "webdavs:///x",
        "ssh://host", "ssh://host/", "ssh://ada:secret@host/x", "ssh://-oProxyCommand=x/y", "ssh://host/a/../b",
        "ssh://-l@host/x", "sftp://host/x?y", "ssh://host/a%00b", "ssh://host/a%0ab", "ssh://host/~ada/x",
        "ssh://a b@host/x", "ssh://host;id/x", "ssh://$(id)/x", "ssh://`id`@host/x", "host:", "host:a/../b",
        "host:a\nb", "ada:secret@host:x", "host:~ada/x", "ext::sh", "host::x",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        parse_address(url, base=BASE)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("s3:data/x", "s3://data/x"),
        ("s3:/data/x", "s3://data/x"),
        ("gs:data/x", "gs://data/x"),
        ("azure:data/x", "azure://data/x"),
        ("AZ:data/x", "az://data/x"),
        ("https:host/x", "https://host/x"),
        ("file:/srv/data", "file:///srv/data"),
    ],
)
def test_a_scheme_without_its_slashes_is_no_machine_of_that_name(url: str, meant: str) -> None:
    with pytest.raises(UsageError, match="which SSH reaches") as error:
        parse_address(url, base=BASE)
    assert str(error.value.hint).startswith(f"{meant}   or, if there is such a machine: ssh://")
    assert parse_address("ada@s3:data", base=BASE) == SshFolder("s3", "/~/data", "ada")


def test_a_refusal_does_not_repeat_a_password() -> None:
    for url in (
        "s3://key:hunter2@bucket/a",
        "az://data/a?sv=2026&sig=hunter2",
        "https://acme.blob.core.windows.net/data?sig=hunter2",
        "https://ada:hunter2@host/x",
        "webdavs://ada:hunter2@host/x",
        "ssh://ada:hunter2@host/x",
        "ada:hunter2@host:x",
        "https:ada:hunter2@host/x",
        "s3:data/x?signature=hunter2",
    ):
        with pytest.raises(UsageError) as error:
            parse_address(url, base=BASE)
        assert "hunter2" not in error.value.message + str(error.value.hint)
