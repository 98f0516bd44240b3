"""What goes wrong with a web server or a WebDAV server, told so that a person knows what to change."""

from typing import NamedTuple
from urllib.parse import quote, urlsplit

from track.errors import BadCredentials, DiskFull, RemoteError, RemoteUnreachable
from track.model.names import display
from track.store.backends.failure import Server, about_server, anything_else, not_allowed, odd_key, status_of
from track.store.backends.http_requests import sent_on_to

_REDIRECTED = 302
_IS_ELSEWHERE = ("redirect without LOCATION", "error following redirect")
"""What the client says of an answer that leads nowhere, or in a circle; it does not say the status."""
_NO_SUCH_NAME = ("dns error", "failed to lookup address")
_RIGHTS = {"list": "PROPFIND", "read": "GET", "write": "PUT, MKCOL and MOVE", "delete": "DELETE"}


class WebBound(NamedTuple):
    """What a message may name: the place, its server, who asked and where that was said, and whether it is WebDAV."""

    url: str
    endpoint: str
    who: str
    source: str
    is_dav: bool

    @property
    def server(self) -> Server:
        """The same, as all kinds of servers have it."""
        return Server(self.url, self.endpoint, "WebDAV" if self.is_dav else "HTTP", self.who, self.source)

    def misses_container(self, text: str) -> bool:
        """No: a folder that is not there is made, and one that is only read has nothing in it."""
        return False

    def explain(self, error: Exception, *, operation: str, key: str) -> RemoteError | DiskFull:
        """The error of ours for a failure of the client; `operation` is list, read, write or delete."""
        text = str(error)
        status = _REDIRECTED if any(words in text for words in _IS_ELSEWHERE) else status_of(text)
        for found in (
            self._about_login(status, operation),
            self._about_kind(status, operation),
            self._about_sending_on(text, operation, key),
            about_server(text, self.server) if status not in (404, 409) else None,
        ):
            if found is not None:
                return found
        return odd_key(text, self.server) or anything_else(text, self.server, operation, key)

    def _about_sending_on(self, text: str, operation: str, key: str) -> RemoteError | None:
        """Where no server has the name that was looked for, it may be the name of another one than ours."""
        if not any(words in text for words in _NO_SUCH_NAME):
            return None
        base = urlsplit(self.url).path.strip("/") + "/"
        address = f"{self.endpoint}/{quote(base + key.removeprefix(base))}"
        there = sent_on_to(address, "PROPFIND" if self.is_dav and operation == "list" else "HEAD")
        if there is None:
            return None
        return RemoteUnreachable(
            f"{self.endpoint} sends on what is asked of it to {display(there)}, and no server is called so",
            hint="open the address in a browser, and name the one that it shows",
        )

    def _about_login(self, status: int, operation: str) -> RemoteError | None:
        variables = "WEBDAV_USER and WEBDAV_PASSWORD, or " if self.is_dav else ""
        if status == 401 and not self.source:
            return BadCredentials(
                f"{self.endpoint} asks who you are, and nothing says it",
                hint=f"set {variables}a line in ~/.netrc: machine HOST login NAME password PASSWORD",
            )
        if status in (401, 407):
            return BadCredentials(
                f"{self.endpoint} does not accept {self.who} (from {self.source})",
                hint=f"is the password right?   it comes from {variables}~/.netrc",
            )
        if status == 403:
            return not_allowed(self.server, operation, _RIGHTS[operation], "whoever looks after the server")
        return None

    def _about_kind(self, status: int, operation: str) -> RemoteError | DiskFull | None:
        if status in (301, _REDIRECTED, 307, 308):
            return RemoteUnreachable(
                f"{self.endpoint} says that {self.url} is elsewhere; what is meant for it is sent nowhere else",
                hint="open the address in a browser, and name the one that it shows",
            )
        if status in (405, 501) and operation == "delete":
            return not_allowed(self.server, operation, _RIGHTS[operation], "whoever looks after the server")
        if status in (405, 501):
            what = {"list": "be listed", "read": "be read", "write": "be written to"}
            return RemoteUnreachable(
                f"{self.url} cannot {what[operation]}: its server does not take {_RIGHTS[operation]}",
                hint="is it the address of its WebDAV folder, and not of its web page?",
            )
        if status == 413:
            return RemoteError(
                f"{self.endpoint} takes no file as large as this",
                hint="whoever looks after the server has to allow it (nginx: client_max_body_size 0)",
            )
        if status == 423:
            return RemoteUnreachable(f"{self.url} is locked by someone", hint="run the same command again later")
        if status == 409 and operation == "write":
            return RemoteUnreachable(
                f"{self.url} could not be made: the folder above it is not there, or not a folder",
                hint="make it with the tools of the server first",
            )
        return None
