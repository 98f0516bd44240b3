"""Committed settings, and `.env`: what a clone of a stranger's repository is told to do."""

import json
import os
from collections.abc import Callable

from safety.hostile.case import AZURE_KEYS, KEYS, Case, Place, committed, linked, write

_OFFLINE = ("pull", "fetch")  # a provider's own address may be read from: these would ask it


def config(text: str) -> Callable[[Place], None]:
    """`.track/config.toml` with this text; `{out}` is the folder around the clone."""

    def make(place: Place) -> None:
        committed(place, {".track/config.toml": text.replace("{out}", str(place.around))})

    return make


def remote(url: str, more: str = "") -> Callable[[Place], None]:
    """A remote `origin` at this address, and the default."""
    return config(f"[core]\nremote = 'origin'\n[remote.origin]\nurl = '{url}'\n{more}")


def bucket_with(*makers: Callable[[Place], object]) -> Callable[[Place], None]:
    """A remote that is a bucket, and more."""

    def make(place: Place) -> None:
        remote("s3://acme-data/churn")(place)
        for each in makers:
            each(place)

    return make


def dotenv(text: str) -> Callable[[Place], object]:
    """A `.env` that Git does not track: it came in an unpacked folder, or somebody wrote it."""
    return lambda place: write(place.repo / ".env", text)


def profile(place: Place) -> None:
    """The victim's own account, with a program that makes keys."""
    ran = place.around / "ran"
    text = f"[profile admin]\ncredential_process = /bin/sh -c 'touch {ran}'\nendpoint_url = http://127.0.0.1:9\n"
    write(place.home / ".aws/config", text)


def login(place: Place) -> None:
    """The victim's own password for a server."""
    write(place.home / ".netrc", "machine data.example.org login ada password canary\n").chmod(0o600)


def google_login(place: Place) -> None:
    """The victim is logged in at gcloud."""
    who = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "canary"}
    write(place.home / ".config/gcloud/application_default_credentials.json", json.dumps(who))


def account(place: Place) -> None:
    """A committed choice of the victim's account."""
    profile(place)
    text = "[remote.origin]\nurl = 's3://acme-data/churn'\nprofile = 'admin'\nendpoint = 'http://127.0.0.1:9'\n"
    committed(place, {".track/config.toml": text})


REFUSED = {"push": (2, 3, 5), "pull": (2, 3, 5), "fetch": (2, 3, 5)}
URLS = {
    "another folder": "{out}/elsewhere",
    "the root": "/",
    "upwards": "../../../../../../etc",
    "upwards from beside": "../elsewhere/../../..",
    "a file URL": "file:///etc",
    "a file URL of a host": "file://server/share",
    "a file URL with escapes": "file:///%2e%2e/etc",
    "a share": "//server/share",
    "an automounted share": "/net/server/share",
    "a home": "~/data",
    "another's home": "~root/data",
    "a process": "/proc/self/cwd",
    "a device": "/dev/zero",
    "a command": "ext::sh -c touch% {out}/ran",
    "an option": "ssh://-oProxyCommand=touch% {out}/ran/x",
    "ssh": "ssh://127.0.0.1:9/x",
    "sftp": "sftp://127.0.0.1:9/x",
    "webdav": "webdav://127.0.0.1:9/x",
    "http": "http://127.0.0.1:9/x",
    "https with a password": "https://ada:secret@127.0.0.1:9/x",
    "metadata": "http://169.254.169.254/latest/meta-data",
    "gopher": "gopher://127.0.0.1:9/x",
    "a memory": "memory://x",
    "a container with a signature": "https://acme.blob.core.windows.net/data?sig=x",
    "a container of a host": "abfss://data@127.0.0.1:9/x",
    "a container that goes up": "az://data/../../x",
    "a bucket with keys": "s3://AKIA:secret@acme/x",
    "a bucket with a query": "s3://acme/x?endpoint=http://127.0.0.1:9",
    "a bucket that is an address": "s3://127.0.0.1:9/x",
    "a bucket that is an option": "s3://-x/x",
    "a bucket that goes up": "s3://acme/../../x",
    "a bucket that speaks": "s3://acme/\\u001b]0;x\\u0007",
    "no address": "",
}
CASES = (
    *(
        Case(f"remote: {name}", remote(url), codes=REFUSED, environment=KEYS, verbs=(("remote", "check"),))
        for name, url in URLS.items()
    ),
    Case(
        "remote: a link beside the repository",
        lambda place: [remote("../way")(place), linked(place.around / "way", "/etc")],
        codes=REFUSED,
    ),
    Case(
        "remote: a link deep beside the repository",
        lambda place: [remote("../elsewhere/way/x")(place), linked(place.around / "elsewhere/way", "/net/evil")],
        codes=REFUSED,
    ),
    Case("remote: sending to a bucket", remote("s3://acme-data/churn"), never=_OFFLINE, environment=KEYS),
    Case("remote: the working tree itself", remote("."), codes=REFUSED),
    Case("remote: Git's own folder", remote(".git"), codes=REFUSED),
    Case("remote: our own store", remote(".git/track/store"), codes={"push": (5,)}),
    Case("remote: a committed server", remote("s3://acme-data/x", "endpoint = 'http://127.0.0.1:9'\n"), never=_OFFLINE),
    Case("remote: a committed account", account, never=_OFFLINE),
    Case(
        "remote: a region that is a host",
        remote("s3://acme-data/x", "region = 'x.evil.example/'\n"),
        codes=REFUSED,
        environment=KEYS,
    ),
    Case(
        ".env: a server",
        bucket_with(dotenv("AWS_ENDPOINT_URL=http://127.0.0.1:9\n")),
        codes={"pull": (5,), "push": (5,), "fetch": (5,)},
        environment=KEYS,
        verbs=(("fetch",), ("remote", "check"), ("remote", "add", "origin", "s3://acme-data/churn")),
    ),
    Case(
        ".env: a server for S3",
        bucket_with(dotenv("export AWS_ENDPOINT_URL_S3='http://127.0.0.1:9'\n")),
        codes={"pull": (5,), "push": (5,)},
        environment=KEYS,
    ),
    Case(
        "remote: a container elsewhere",
        remote("https://acme.blob.core.windows.net.evil.example:9/data"),
        never=_OFFLINE,
        environment=AZURE_KEYS,
        codes={"push": (5,)},
    ),
    Case("remote: a web server that answers", remote("https://127.0.0.1:9/x"), never=_OFFLINE, codes={"push": (5,)}),
    Case(
        "remote: a web server that the victim has a password for",
        lambda place: [remote("https://data.example.org/x")(place), login(place)],
        codes=REFUSED,
        verbs=(("fetch",), ("remote", "check")),
    ),
    Case(
        "remote: a WebDAV server, and a name and a password in the environment",
        remote("webdavs://127.0.0.1:9/x"),
        codes=REFUSED,
        environment={"WEBDAV_USER": "ada", "WEBDAV_PASSWORD": "canary"},
        verbs=(("fetch",), ("remote", "check")),
    ),
    Case(
        ".env: a name and a password for a WebDAV server",
        lambda place: [remote("webdavs://127.0.0.1:9/x")(place), dotenv("WEBDAV_USER=a\nWEBDAV_PASSWORD=b\n")(place)],
        codes=REFUSED,
    ),
    Case("remote: only read, says the stranger", remote("../elsewhere", "read-only = true\n"), codes={"push": (5,)}),
    Case(
        "remote: a stranger's storage account",
        remote("https://stranger.blob.core.windows.net/data/x"),
        codes={"pull": (5,), "push": (5,), "fetch": (5,)},
        environment=AZURE_KEYS,
        verbs=(("fetch",), ("remote", "check")),
    ),
    Case(
        "remote: a committed server of a container",
        remote("az://data/x", "endpoint = 'http://127.0.0.1:9/x'\n"),
        never=_OFFLINE,
        environment=AZURE_KEYS,
    ),
    Case(
        ".env: a server of a container",
        lambda place: [remote("az://data/x")(place), dotenv("AZURE_STORAGE_ENDPOINT=http://127.0.0.1:9/x\n")(place)],
        codes={"pull": (5,), "push": (5,), "fetch": (5,)},
        environment=AZURE_KEYS,
        verbs=(("fetch",), ("remote", "check"), ("remote", "add", "origin", "az://data/x")),
    ),
    Case(
        "remote: a committed server of a bucket of Google",
        lambda place: [remote("gs://data/x", "endpoint = 'http://127.0.0.1:9'\n")(place), google_login(place)],
        never=_OFFLINE,
    ),
    Case(
        ".env: a server of a bucket of Google, and somebody's credentials",
        lambda place: [
            remote("gs://data/x")(place),
            google_login(place),
            dotenv("STORAGE_EMULATOR_HOST=http://127.0.0.1:9\nGOOGLE_APPLICATION_CREDENTIALS=who.json\n")(place),
        ],
        codes={"pull": (5,), "push": (5,), "fetch": (5,)},
        verbs=(("fetch",), ("remote", "check"), ("remote", "add", "origin", "gs://data/x")),
    ),
    Case(
        ".env: the victim's account",
        bucket_with(profile, dotenv("AWS_PROFILE=admin\n")),
        codes={"pull": (5,), "push": (5,), "fetch": (5,)},
        verbs=(("fetch",), ("remote", "check"), ("remote", "add", "origin", "s3://acme-data/churn")),
    ),
    Case(
        ".env: a server and keys for it",
        bucket_with(dotenv("AWS_ENDPOINT_URL=http://127.0.0.1:9\nAWS_ACCESS_KEY_ID=x\nAWS_SECRET_ACCESS_KEY=y\n")),
        codes={"pull": (5,), "push": (5,)},
    ),
    Case(
        ".env: a link to the victim's keys",
        bucket_with(profile, lambda place: linked(place.repo / ".env", place.home / ".aws/config")),
        codes={"pull": (5,), "push": (5,)},
    ),
    Case(".env: a pipe", bucket_with(lambda place: os.mkfifo(place.repo / ".env")), codes={"pull": (5,), "push": (5,)}),
    Case(
        ".env: a device",
        bucket_with(lambda place: linked(place.repo / ".env", "/dev/zero")),
        codes={"pull": (5,), "push": (5,)},
    ),
    Case("a store elsewhere", config("[store]\npath = '{out}/elsewhere'\nshared = true\n")),
    Case("a store in Git's hooks", config("[store]\npath = '.git/hooks'\n")),
    Case("commands", config("[core]\npager = 'touch {out}/ran'\neditor = 'sh'\n[hooks]\npost-checkout = 'sh'\n")),
    Case("secrets", config("[remote.origin]\npassword = 'x'\ntoken = 'y'\nurl = '../x'\n")),
    Case("names that are paths", config("[remote.'{out}/elsewhere/x']\nurl = '../x'\n[remote.'../x']\nurl = '..'\n")),
    Case("names that speak", config('[remote."\\u001b]0;x\\u0007"]\nurl = "../x"\n["\\u202e"]\nx = 1\n')),
    Case("a later format", config("format = 99\n"), codes={"status": (3,), "checkout": (3,)}),
    Case("a format that is none", config("format = [1]\n"), codes={"status": (3,)}),
    Case("a tower of arrays", config("x = " + "[" * 20_000 + "]" * 20_000 + "\n"), codes={"status": (3,)}),
    Case("a tower of tables", config("x = " + "{a=" * 5_000 + "1" + "}" * 5_000 + "\n"), codes={"status": (3,)}),
    Case("a long key", config("remote." + ".".join(["a"] * 100_000) + " = 1\n"), codes={"status": (3,)}),
    Case("a long header", config("[" + ".".join(["a"] * 100_000) + "]\n"), codes={"status": (3,)}),
    Case("many keys", config("".join(f"key{number} = {number}\n" for number in range(50_000)))),
    Case("many remotes", config("".join(f"[remote.r{number}]\nurl = '/x{number}'\n" for number in range(10_000)))),
    Case("a long number", config("x = " + "9" * 10_000 + "\n"), codes={"status": (3,)}),
    Case("a large file", config("x = '" + "y" * (2 << 20) + "'\n"), codes={"status": (3,)}),
    Case("not TOML", config("remote = {\n"), codes={"status": (3,)}),
    Case("not text", config("\udcff\udcfe"), codes={"status": (3,)}),
    Case("values of other kinds", config("[lock]\ntimeout = 1e308\n"), codes={"status": (3,)}),
    Case("tables where values are", config("[remote.origin.url]\nx = 1\n[checkout.link.x]\ny = 2\n")),
    Case("a link for large files", config("[checkout]\nlink = 'symlink'\n")),
)
