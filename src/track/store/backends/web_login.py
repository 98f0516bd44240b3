"""Who we are to a web server or a WebDAV server: a name and a password, or a token; named without a secret.

For WebDAV, in order: `WEBDAV_TOKEN`, or `WEBDAV_USER` and `WEBDAV_PASSWORD`, from the environment, then from `.env`
beside the project; for both kinds, the line for the host in `~/.netrc`, as every other tool reads it. What that file
says of every other host (`default`) is not used: a stranger's repository may name any.
"""

import base64
import netrc
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from track.errors import BadCredentials
from track.model.names import display
from track.store.address import Access, DavFolder, WebFolder
from track.store.backends.dotenv import read_dotenv

_DAV = ("WEBDAV_USER", "WEBDAV_PASSWORD", "WEBDAV_TOKEN")


class Login(NamedTuple):
    """As whom we come. `headers` go with every request to the host; `who` and `source` are for people."""

    who: str
    source: str
    headers: Mapping[str, str] = {}

    def __repr__(self) -> str:
        """Who, without what proves it."""
        return f"Login({self.who}, from {self.source})"


def find_login(address: WebFolder | DavFolder, access: Access, environ: Mapping[str, str] | None = None) -> Login:
    """Who we are to a server, and where that was said; nobody, where nothing says it.

    Raises:
        BadCredentials: half of it is missing, or a file cannot be read.
    """
    here = os.environ if environ is None else environ
    if isinstance(address, DavFolder):
        for variables, source in ((here, "the environment"), (read_dotenv(access.dotenv), ".env")):
            user, password, token = (variables.get(name, "") for name in _DAV)
            if token:
                return Login("the bearer of a token", source, {"Authorization": f"Bearer {token}"})
            if user and password:
                return _basic(user, password, source)
            if user or password:
                lacking = _DAV[1] if user else _DAV[0]
                raise BadCredentials(f"{lacking} is not set, but its other half is there", hint=f"set {lacking}")
    return netrc_login(address.host, here) or Login("nobody (no name and no password)", "")


def netrc_login(host: str, environ: Mapping[str, str] | None = None) -> Login | None:
    """What `~/.netrc` says of a host; None when it says nothing of it.

    Raises:
        BadCredentials: it cannot be read.
    """
    here = os.environ if environ is None else environ
    path = Path(here.get("NETRC") or Path(here.get("HOME") or os.path.expanduser("~")) / ".netrc")
    name = urlsplit(f"//{host}").hostname or ""
    try:
        known = netrc.netrc(str(path)).hosts.get(name)
    except FileNotFoundError:
        return None
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError) as error:
        why = error.strerror or "no permission" if isinstance(error, OSError) else "it is not a file of that kind"
        raise BadCredentials(
            f"{display(str(path))} cannot be read: {display(why.lower())}", hint=f"chmod 600 {display(str(path))}"
        ) from None  # the reason of a wrong line may have a part of a password in it
    if known is None:
        return None
    user, _, password = known
    return _basic(user, password or "", "~/.netrc")


def _basic(user: str, password: str, source: str) -> Login:
    proof = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return Login(f"`{display(user)}`", source, {"Authorization": f"Basic {proof}"})
