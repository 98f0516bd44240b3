"""What goes wrong with any server, told so that a person knows what to change.

The client says everything in one text: how the request ended, the status, and what the server answered. Those three
decide; what the server said is shown escaped, and never what was sent. What is said of one kind of server alone is
in a file of that kind.
"""

from typing import NamedTuple, Protocol

from track.errors import BadCredentials, DiskFull, RemoteError, RemoteUnreachable
from track.model.expressions import expression
from track.model.names import display
from track.store.backends.pace import Trouble

_CODE = expression(r"<Code>([^<]{1,100})</Code>|\(code: ([A-Za-z]\w{1,100})\)")
_MESSAGE = expression(r"<Message>([^<]{1,300})</Message>")
_STATUS = expression(r"non-2xx status code: (\d{3})|\(code: (\d{3})\)")
_NO_ANSWER = expression(r"kind: (Connect|Timeout|Interrupted|Request|Decode|Unknown)\b")
_BROKEN_OFF = ("IncompleteBody", "NoContentRange", "kind: Interrupted", "error decoding response body")
_ODD_PATH = expression(r"object with invalid path: Error parsing Path \"([^\"]*)\"")
_NONSENSE = ("nvalid list response", "nvalid last modified", "nvalid header", "missing", "Missing", "decoding PROPFIND")


_PASSING_STATUS = {408, 423, 429, 500, 502, 503, 504}
_PASSING_CODES = {
    "SlowDown", "RequestTimeout", "InternalError", "ServerBusy", "OperationTimedOut", "ThrottlingException",
    "ConditionalRequestConflict", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "Md5Mismatch",
}  # fmt: skip
"""The last ones: what the server received is not what was sent."""
_FOR_GOOD = ("dns error", "failed to lookup address", "certificate", "InvalidContentType", "invalid peer")


class Refused(Exception):
    """The server, or the way to it, said no for good; the text is worded as the client library words its own."""

    def __init__(self, text: str, status: int = 0) -> None:
        """`status` is 0 where there was no answer."""
        super().__init__(text)
        self.status = status


class Unusable(Exception):
    """Requests of ours cannot be made here, though those of the client library may: a certificate not known to us."""


class Server(NamedTuple):
    """What a message may name: the place, its server, what it should speak, who asked, and where that was said."""

    url: str
    endpoint: str
    language: str
    who: str
    source: str

    @property
    def identity(self) -> str:
        """As whom we come and to which server, for people."""
        return f"{self.who}, from {self.source}; {self.endpoint}" if self.source else f"{self.who}; {self.endpoint}"


class Telling(Protocol):
    """What one kind of place makes of a failure."""

    @property
    def server(self) -> Server:
        """What a message may name."""

    def explain(self, error: Exception, *, operation: str, key: str) -> RemoteError | DiskFull:
        """The error of ours for a failure of the client; `operation` is list, read, write or delete."""

    def misses_container(self, text: str) -> bool:
        """Whether a failure says that not a key, but all that should hold it is not there."""


def about_server(text: str, server: Server) -> RemoteError | DiskFull | None:
    """What is wrong with the server or the way to it; None when it is neither."""
    place, status = server.endpoint, status_of(text)
    match = _NO_ANSWER.search(text)
    kind = match[1] if match else ""
    if kind == "Timeout" or "TimedOut" in text or "operation timed out" in text:
        return RemoteUnreachable(f"{place} does not answer", hint="is it the right address?   is a proxy needed?")
    if "dns error" in text or "failed to lookup address" in text:
        return RemoteUnreachable(f"there is no server called {place}", hint="is the address right, and the network up?")
    if "certificate" in text or "InvalidContentType" in text:
        return RemoteUnreachable(f"no safe connection to {place} could be made", hint="is it https, or http?")
    if kind == "Connect":
        return RemoteUnreachable(f"{place} cannot be reached", hint="is the address right, and the server running?")
    if status in (429, 503) or "SlowDown" in text:
        return RemoteUnreachable(f"{place} is too busy", hint="run the same command again later: it goes on")
    if status == 507:
        return DiskFull(f"{server.url} is full", hint="make room there, then run the same command again: it goes on")
    if status >= 500:
        return RemoteUnreachable(f"{place} failed: it answered with {status}", hint="run the same command again later")
    if any(mark in text for mark in _BROKEN_OFF):
        return RemoteUnreachable(
            f"{place} broke off in the middle of an answer", hint="run the same command again: it goes on"
        )
    if kind or any(mark in text for mark in _NONSENSE) or (status >= 400 and not code_of(text)):
        return RemoteUnreachable(
            f"what {place} answers is not {server.language}",
            hint=f"is it the address of the {server.language} service, and not of its web page?",
        )
    return None


def trouble_of(text: str) -> Trouble | None:
    """What a failure is that may have passed when the same is asked again; None for one that will not."""
    status, code = status_of(text), code_of(text)
    if status in _PASSING_STATUS or code in _PASSING_CODES:
        return Trouble(is_busy=status in (429, 503) or code in ("SlowDown", "ServerBusy", "ThrottlingException"))
    if status or code or any(mark in text for mark in _FOR_GOOD) or ignores_ranges(text):
        return None
    match = _NO_ANSWER.search(text)
    kind = match[1] if match else ""
    if kind == "Timeout" or "TimedOut" in text or "operation timed out" in text:
        return Trouble(is_silence=True)
    if any(mark in text for mark in _BROKEN_OFF) or kind in ("Request", "Interrupted"):
        return Trouble()
    if kind or any(mark in text for mark in _NONSENSE):
        return Trouble(is_doubt=True)
    return None


def ignores_ranges(text: str) -> bool:
    """Whether a request for a piece failed because the server sent the whole."""
    marks = ("non-partial", "NotPartial", "partial response", "Range request not supported")
    return any(mark in text for mark in marks)


def not_allowed(server: Server, operation: str, right: str, owner: str) -> RemoteError:
    """The error for a right that is missing; `right` as the service calls it, `owner` is of whom it can be had."""
    what = {"list": "list what is in it", "read": "read", "write": "write", "delete": "delete"}[operation]
    return RemoteError(
        f"{server.who} may not {what} at {server.url}",
        hint=f"{owner} has to allow {right} there   to see all that is allowed: track remote check",
        details=(f"credentials from {server.source}",) if server.source else (),
    )


def clock_is_wrong(server: Server) -> BadCredentials:
    """The error when a signature is refused because it was made at another time than the server's."""
    return BadCredentials(
        f"{server.endpoint} refuses requests from this machine: its clock is wrong", hint="date   shows it"
    )


def odd_key(text: str, server: Server) -> RemoteError | None:
    """The error for a key that is none of ours and cannot be listed."""
    if match := _ODD_PATH.search(text):
        return RemoteError(
            f"{server.url} has a key that is none of track's and that this track cannot list: `{display(match[1])}`",
            hint="remove it with the tools of the service; nothing of track's is called so",
        )
    return None


def anything_else(text: str, server: Server, operation: str, key: str) -> RemoteError:
    """The error when nothing is known of what went wrong: the client's own first line is shown."""
    done = {"list": "listed", "read": "read", "write": "written", "delete": "deleted"}[operation]
    return RemoteError(
        f"{server.url}: {display(key)} could not be {done}",
        hint="track remote check   says what is allowed there and what is not",
        details=(display(text.partition("\n")[0][:300]),),
    )


def is_unknown_request(text: str) -> bool:
    """Whether a server, or the client, said that it does not know what was asked, such as a condition on a write."""
    return code_of(text) == "NotImplemented" or status_of(text) == 501


def code_of(text: str) -> str:
    """What the server called the failure, or nothing."""
    match = _CODE.search(text)
    return (match[1] or match[2]) if match else ""


def status_of(text: str) -> int:
    """The status of the answer, or 0."""
    match = _STATUS.search(text)
    return int(match[1] or match[2]) if match else 0


def said(text: str) -> tuple[str, ...]:
    """What the server said, as a line for people, if it said something."""
    message, code = _MESSAGE.search(text), code_of(text)
    if code and message:
        return (f"the server said: {display(code)}: {display(message[1].splitlines()[0])}",)
    return (f"the server said: {display(code)}",) if code else ()
