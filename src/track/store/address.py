"""Addresses: the folder, or the bucket and what its keys begin with, that a URL means. Nothing is looked up."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from track.errors import UsageError
from track.model.names import display
from track.store.backends.folder import folder_of

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_PREFIX_PART = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9!_.'()+=@,: ~-]+")


class Folder(NamedTuple):
    """A folder of this machine or of a mounted share; the path is absolute."""

    path: Path

    def __str__(self) -> str:
        """The path."""
        return str(self.path)


class Bucket(NamedTuple):
    """A bucket and what every key in it begins with (no slash at either end, may be empty)."""

    name: str
    prefix: str = ""

    def __str__(self) -> str:
        """The URL, always the same for the same place."""
        return f"s3://{self.name}/{self.prefix}".rstrip("/")


Address = Folder | Bucket


class Access(NamedTuple):
    """How a bucket is reached: what the person here has set, and where secrets may stand. None: nothing was set.

    `dotenv` is the file of variables beside the project; None when there is none that may be used. `uploads` is the
    file in which uploads under way are remembered.
    """

    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    dotenv: Path | None = None
    uploads: Path | None = None


def parse_address(url: str, *, base: Path) -> Address:
    """What a URL or a path means; a relative path starts from `base`.

    Raises:
        UsageError: an address of a kind that this version does not reach, or one that cannot be.
    """
    if not url.startswith("s3://"):
        return Folder(folder_of(url, base=base))
    if secret_in_url(url):
        raise UsageError(
            "the address of a remote carries a name, a password or a query: it is written where others can read it",
            hint="s3://BUCKET/PREFIX   credentials come from the environment, .env or a profile",
        )
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    prefix = prefix.removesuffix("/")
    if _BUCKET.fullmatch(bucket) is None:
        raise UsageError(f"`{display(url)}` names no bucket", hint="s3://BUCKET/PREFIX")
    if prefix and not all(map(_PREFIX_PART.fullmatch, prefix.split("/"))):
        raise UsageError(
            f"`{display(url)}`: what follows the bucket has a character or a part that keys of ours do not use",
            hint="letters, digits, - _ . and / are safe everywhere: s3://BUCKET/team/project",
        )
    return Bucket(bucket, prefix)


def is_relative(url: str) -> bool:
    """Whether an address is a folder as seen from some other place."""
    return "://" not in url and not url.startswith(("/", "~"))


def secret_in_url(url: str) -> bool:
    """Whether an address carries something behind its place: a name or a password before it, a query after it."""
    parts = urlsplit(url)
    return "@" in parts.netloc or bool(parts.query or parts.fragment)
