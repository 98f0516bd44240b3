"""Addresses: the place that a URL means, and its one spelling. Nothing is looked up.

A kind of storage is a tuple here and a module below `backends`. What people paste from a console or another tool is
understood where it can mean one place only; `str` of an address is what is written into the configuration.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from track.errors import UsageError
from track.model.expressions import expression
from track.model.names import display

KNOWN = (
    "a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, ssh://USER@HOST/PATH, "
    "webdavs://HOST/PATH, https://HOST/PATH"
)
"""Every kind of address there is, for messages."""

_BUCKET = expression(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_CONTAINER = expression(r"(?=.{3,63}$)[a-z0-9](?:-?[a-z0-9])*")
_GOOGLE_BUCKET = expression(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_HOST = expression(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_USER = expression(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_PREFIX_PART = expression(r"(?!\.{1,2}$)[A-Za-z0-9!_.'()+=@,: ~-]+")
_PATH_PART = expression(r"(?!\.{1,2}$)(?:[A-Za-z0-9!_.'()+=@,:~-]|%[0-9A-Fa-f]{2})+")
_COMMAND = expression("[A-Za-z0-9+.-]+::")  # how Git names a program that shall be run
_SHORT_SSH = expression(
    rf"(?:(?P<user>{_USER.pattern})@)?"
    r"(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,251}[A-Za-z0-9]|\[[0-9A-Fa-f:.]{2,45}\]):(?!:)(?P<path>.*)",
    re.DOTALL,
)
_UNQUOTED = "/~ !$&'()*+,;=:@"  # of the path of an SSH address, beside letters and digits
_AZURE = "blob.core.windows.net"
_AZURE_HOST = expression(rf"([a-z0-9]{{3,24}})\.(?:{re.escape(_AZURE)}|dfs\.core\.windows\.net)")
_GOOGLE_HOSTS = ("storage.googleapis.com", "storage.cloud.google.com")
_GOOGLE_CONSOLE = "console.cloud.google.com"


class Folder(NamedTuple):
    """A folder of this machine or of a mounted share; the path is absolute."""

    path: Path

    def __str__(self) -> str:
        """The path."""
        return str(self.path)


class Bucket(NamedTuple):
    """A bucket of S3 and what every key in it begins with (no slash at either end, may be empty)."""

    name: str
    prefix: str = ""

    def __str__(self) -> str:
        """The URL, always the same for the same place."""
        return f"s3://{self.name}/{self.prefix}".rstrip("/")


class AzureContainer(NamedTuple):
    """A container of Azure Blob Storage, and the account it is in; empty: the one that the credentials are of."""

    name: str
    prefix: str = ""
    account: str = ""

    def __str__(self) -> str:
        """The URL: of the provider where the account is said, else the short one."""
        if self.account:
            return f"https://{self.account}.{_AZURE}/{self.name}/{self.prefix}".rstrip("/")
        return f"az://{self.name}/{self.prefix}".rstrip("/")


class GoogleBucket(NamedTuple):
    """A bucket of Google Cloud Storage and what every key in it begins with."""

    name: str
    prefix: str = ""

    def __str__(self) -> str:
        """The URL, always the same for the same place."""
        return f"gs://{self.name}/{self.prefix}".rstrip("/")


class WebFolder(NamedTuple):
    """A folder that a web server gives out and nobody writes to; `host` may have a port, `path` is quoted."""

    host: str
    path: str = ""
    is_plain: bool = False

    def __str__(self) -> str:
        """The URL, without a slash at its end."""
        return f"http{'' if self.is_plain else 's'}://{self.host}/{self.path}".rstrip("/")


class DavFolder(NamedTuple):
    """A folder of a WebDAV server; `host` may have a port, `path` is quoted."""

    host: str
    path: str = ""
    is_plain: bool = False

    def __str__(self) -> str:
        """The URL, without a slash at its end."""
        return f"webdav{'' if self.is_plain else 's'}://{self.host}/{self.path}".rstrip("/")

    @property
    def web(self) -> str:
        """The same place as a browser would say it."""
        return str(WebFolder(*self))


class SshFolder(NamedTuple):
    """A folder of a machine that SSH reaches; `path` begins with `/`, or with `/~/` for the user's home."""

    host: str
    path: str
    user: str = ""

    def __str__(self) -> str:
        """The URL, without a slash at its end."""
        return f"ssh://{self.user}{'@' if self.user else ''}{self.host}{quote(self.path, safe=_UNQUOTED)}"


Address = Folder | Bucket | AzureContainer | GoogleBucket | WebFolder | DavFolder | SshFolder


class Access(NamedTuple):
    """How a place is reached: what the person here has set, and where secrets may stand. None: nothing was set.

    `dotenv` is the file of variables beside the project; None when there is none that may be used. `uploads` is the
    file in which uploads under way are remembered.

    Of an encrypted place: `identity` is the file of the person's age identities, `key_id` the fingerprint of the key
    that it has to be sealed with, and `staging` the folder in which files are sealed before they go.
    """

    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    dotenv: Path | None = None
    uploads: Path | None = None
    identity: Path | None = None
    key_id: str | None = None
    staging: Path | None = None


def parse_address(url: str, *, base: Path) -> Address:
    """What a URL or a path means; a relative path starts from `base`.

    Raises:
        UsageError: an address of a kind that this version does not reach, or one that cannot be.
    """
    scheme, is_url, rest = url.partition("://")
    if not is_url and (short := _SHORT_SSH.fullmatch(url)) is not None:
        _refuse_half_scheme(url, short)
        return _short_ssh(url, short)
    if not is_url or scheme == "file":
        return Folder(_folder_of(url, base=base))
    known = _READERS.get(scheme)
    if known is None:
        raise UsageError(f"`{display(url)}`: track reaches no address that begins so", hint=f"one of: {KNOWN}")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(f"`{display(url)}` is no address: {error}", hint=f"one of: {KNOWN}") from error
    return known(url, rest, parts)


def _folder_of(url: str, *, base: Path) -> Path:
    """The absolute path of the folder that a URL or a path names; nothing is looked up.

    Raises:
        UsageError: an address of a kind that this version does not reach.
    """
    if "\0" in url or not url:
        raise UsageError("the address of a remote is empty or contains a NUL character")
    parts = urlsplit(url) if "://" in url else None
    if parts is None and _COMMAND.match(url) is None:
        return Path(os.path.normpath(os.path.join(base, os.path.expanduser(url))))
    if parts is None or parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise UsageError(
            f"`{display(url)}`: this version of track reaches folders only",
            hint="give a folder of this machine, or one that is mounted: track remote add NAME /path/to/folder",
        )
    return Path(os.path.normpath(unquote(parts.path)))


def is_relative(url: str) -> bool:
    """Whether an address is a folder as seen from some other place."""
    return "://" not in url and not url.startswith(("/", "~"))


def _refuse_secrets(parts: SplitResult, form: str, hint: str) -> None:
    """Refuse what carries something behind its place: a name or a password before it, a query after it."""
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            "the address of a remote carries a name, a password or a query: it is written where others can read it",
            hint=f"{form}   {hint}",
        )


def _bucket(url: str, rest: str, parts: SplitResult) -> Bucket:
    form = "s3://BUCKET/PREFIX"
    _refuse_secrets(parts, form, "credentials come from the environment, .env or a profile")
    name, _, prefix = rest.partition("/")
    return Bucket(_named(name, _BUCKET, url, form), _prefix(prefix, url, form))


def _azure(url: str, rest: str, parts: SplitResult) -> AzureContainer:
    """`az://CONTAINER/PREFIX`, or as Hadoop and Spark say it: `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX`."""
    form = "az://CONTAINER/PREFIX"
    name, _, prefix = rest.partition("/")
    account = ""
    container, has_host, host = name.partition("@")
    if has_host and (match := _AZURE_HOST.fullmatch(host)) is not None:
        name, account = container, match[1]
        parts = parts._replace(netloc=host)
    _refuse_secrets(parts, form, "credentials come from the environment, .env or the Azure CLI")
    return AzureContainer(_named(name, _CONTAINER, url, form), _prefix(prefix, url, form), account)


def _google(url: str, rest: str, parts: SplitResult) -> GoogleBucket:
    form = "gs://BUCKET/PREFIX"
    _refuse_secrets(parts, form, "credentials come from GOOGLE_APPLICATION_CREDENTIALS or gcloud")
    name, _, prefix = rest.partition("/")
    return GoogleBucket(_named(name, _GOOGLE_BUCKET, url, form), _prefix(prefix, url, form))


def _web(url: str, rest: str, parts: SplitResult) -> Address:
    """A web server's folder; a provider's own web address of a container or a bucket is that container or bucket."""
    if (azure := _AZURE_HOST.fullmatch(parts.netloc)) and parts.scheme == "https":
        form = "https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX"
        _refuse_secrets(parts, form, "a signature is a secret: AZURE_STORAGE_SAS_TOKEN, in the environment or .env")
        name, _, prefix = unquote(parts.path).removeprefix("/").partition("/")
        return AzureContainer(_named(name, _CONTAINER, url, form), _prefix(prefix, url, form), azure[1])
    if parts.netloc in (*_GOOGLE_HOSTS, _GOOGLE_CONSOLE) and parts.scheme == "https":
        path = unquote(parts.path).removeprefix("/")
        if parts.netloc == _GOOGLE_CONSOLE:
            path, parts = path.removeprefix("storage/browser/"), parts._replace(query="", fragment="")
        return _google(url, path, parts)
    form = f"{parts.scheme}://HOST/PATH"
    _refuse_secrets(parts, form, "credentials come from ~/.netrc")
    return WebFolder(*_place(url, rest, form), is_plain=parts.scheme == "http")


def _dav(url: str, rest: str, parts: SplitResult) -> DavFolder:
    form = f"{parts.scheme}://HOST/PATH"
    _refuse_secrets(parts, form, "credentials come from WEBDAV_USER and WEBDAV_PASSWORD, or from ~/.netrc")
    is_plain = parts.scheme in ("webdav", "dav")
    return DavFolder(*_place(url, rest, form), is_plain=is_plain)


def _ssh(url: str, rest: str, parts: SplitResult) -> SshFolder:
    form = "ssh://USER@HOST/PATH"
    account, has_user, host = parts.netloc.rpartition("@")
    if ":" in account or parts.query or parts.fragment:
        _refuse_secrets(parts, form, "SSH has keys and an agent for that")
    if (has_user and _USER.fullmatch(account) is None) or _HOST.fullmatch(host) is None:
        raise UsageError(f"`{display(url)}` names no host", hint=form)
    return _ssh_folder(url, host, unquote(parts.path).rstrip("/"), account)


def _refuse_half_scheme(url: str, short: re.Match[str]) -> None:
    """Refuse `s3:BUCKET/PREFIX`, which would be a machine called `s3`."""
    scheme = short["host"].lower()
    if short["user"] is None and (scheme in _READERS or scheme == "file"):
        path = short["path"].lstrip("/")
        meant = f"file:///{path}" if scheme == "file" else f"{scheme}://{path}"
        if "@" in path or "?" in path:  # it may carry a secret
            url, meant = f"{scheme}:…", f"{scheme}://…"
        raise UsageError(
            f"`{display(url)}` would be a folder of a machine called {display(scheme)}, which SSH reaches",
            hint=f"{display(meant)}   or, if there is such a machine: ssh://{display(scheme)}/PATH",
        )


def _short_ssh(url: str, short: re.Match[str]) -> SshFolder:
    """`[USER@]HOST:PATH`, as `scp` and Git take it: a path without `/` at its beginning is below the person's home."""
    path = short["path"].rstrip("/")
    if re.search("@.*:", path):
        raise UsageError("the address of a remote carries a password", hint="ssh://USER@HOST/PATH   SSH has keys")
    if path.startswith("~"):
        path = f"/{path}"
    elif not path.startswith("/"):
        path = f"/~/{path}"
    return _ssh_folder(url, short["host"], path, short["user"] or "")


def _ssh_folder(url: str, host: str, path: str, user: str) -> SshFolder:
    """The folder, when its path is one. Raises UsageError."""
    if not path.strip("/~") or any(character < " " for character in path) or ".." in path.split("/"):
        raise UsageError(f"`{display(url)}` names no folder of that host", hint="ssh://USER@HOST/PATH")
    if path.startswith("/~") and not path.startswith("/~/"):
        raise UsageError(
            f"`{display(url)}`: of other people's homes the whole path is needed", hint="ssh://HOST/home/X"
        )
    return SshFolder(host.lower(), path, user)


_READERS: Mapping[str, Callable[[str, str, SplitResult], Address]] = {
    "s3": _bucket,
    **dict.fromkeys(("az", "azure", "abfs", "abfss"), _azure),
    **dict.fromkeys(("gs", "gcs"), _google),
    **dict.fromkeys(("https", "http"), _web),
    **dict.fromkeys(("webdavs", "webdav", "davs", "dav"), _dav),
    **dict.fromkeys(("ssh", "sftp"), _ssh),
}
"""What reads the rest of a URL, by what it begins with."""


def _named(name: str, form: re.Pattern[str], url: str, usual: str) -> str:
    if form.fullmatch(name) is None:
        what = "container" if "CONTAINER" in usual else "bucket"
        raise UsageError(f"`{display(url)}` names no {what}", hint=usual)
    return name


def _prefix(prefix: str, url: str, usual: str) -> str:
    prefix = prefix.removesuffix("/")
    if prefix and not all(map(_PREFIX_PART.fullmatch, prefix.split("/"))):
        what = "container" if "CONTAINER" in usual else "bucket"
        raise UsageError(
            f"`{display(url)}`: what follows the {what} has a character or a part that keys of ours do not use",
            hint=f"letters, digits, - _ . and / are safe everywhere: {usual.replace('PREFIX', 'team/project')}",
        )
    return prefix


def _place(url: str, rest: str, usual: str) -> tuple[str, str]:
    """The host, and the path as it is quoted, of the address of a server."""
    host, _, path = rest.partition("/")
    if _HOST.fullmatch(host) is None:
        raise UsageError(f"`{display(url)}` names no host", hint=usual)
    path = path.rstrip("/")
    if path and not all(_PATH_PART.fullmatch(part) and _stays(part) for part in path.split("/")):
        raise UsageError(
            f"`{display(url)}`: its path has a character or a part that addresses of ours do not use",
            hint=f"quote it as a browser does (a space is %20): {usual}",
        )
    return host.lower(), path


def _stays(part: str) -> bool:
    """Whether a part of a path means itself: none that goes up, or hides a slash or a control character."""
    plain = unquote(part)
    return plain not in (".", "..") and not any(character in "/\\" or character < " " for character in plain)
