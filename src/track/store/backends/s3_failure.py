"""What goes wrong with a bucket, told so that a person knows what to change.

The client says everything in one text: how the request ended, the status, and what the server answered. Those three
decide; what the server said is shown escaped, and never what was sent.
"""

import re
from typing import NamedTuple

from track.errors import BadCredentials, RemoteError, RemoteUnreachable
from track.model.names import display

_CODE = re.compile(r"<Code>([^<]{1,100})</Code>|\(code: (\w{1,100})\)")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_REGION = re.compile(r"expecting '([a-z0-9-]{1,40})'|<Region>([a-z0-9-]{1,40})</Region>")
_NO_ANSWER = re.compile(r"kind: (Connect|Timeout|Interrupted|Request|Decode|Unknown)\b")
_BROKEN_OFF = ("IncompleteBody", "NoContentRange", "kind: Interrupted", "error decoding response body")
_ODD_PATH = re.compile(r"object with invalid path: Error parsing Path \"([^\"]*)\"")
_METADATA = ("latest/api/token", "latest/meta-data", "169.254.169.254", "169.254.170.2", "169.254.170.23")
_REGION_WRONG = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_EXPIRED = {"ExpiredToken", "TokenRefreshRequired", "ExpiredTokenException", "RequestExpired"}
_OPERATIONS = {
    "list": ("list what is in it", "s3:ListBucket"),
    "read": ("read", "s3:GetObject"),
    "write": ("write", "s3:PutObject"),
    "delete": ("delete", "s3:DeleteObject"),
}


class Refused(Exception):
    """The server, or the way to it, said no for good; the text is worded as the client library words its own."""

    def __init__(self, text: str, status: int = 0) -> None:
        """`status` is 0 where there was no answer."""
        super().__init__(text)
        self.status = status


class Unusable(Exception):
    """Requests of ours cannot be made here, though those of the client library may: a certificate not known to us."""


class Bound(NamedTuple):
    """What a message may name: the place, its bucket, server and region, who asked, and where that was said."""

    url: str
    bucket: str
    endpoint: str
    region: str
    who: str
    source: str


def no_such_bucket(text: str) -> bool:
    """Whether a failure says that the bucket itself is not there."""
    return _code(text) == "NoSuchBucket"


def not_implemented(text: str) -> bool:
    """Whether a server said that it does not know what was asked, such as a condition on a write."""
    return _code(text) == "NotImplemented" or _status(text) == 501


def explain(error: Exception, bound: Bound, *, operation: str, key: str) -> RemoteError:
    """The error of ours for a failure of the client; `operation` is list, read, write or delete."""
    text = str(error)
    code, status = _code(text), _status(text)
    for found in (
        _about_credentials(text, code, bound),
        _about_bucket(text, code, status, bound),
        _about_rights(code, status, bound, operation),
        _about_server(text, status, bound),
    ):
        if found is not None:
            found.details = (*found.details, *_said(text, code))
            return found
    if match := _ODD_PATH.search(text):
        return RemoteError(
            f"{bound.url} has a key that is none of track's and that this track cannot list: `{display(match[1])}`",
            hint="remove it with the tools of the bucket; nothing of track's is called so",
        )
    first = text.partition("\n")[0]
    return RemoteError(
        f"{bound.url}: {display(key)} could not be {_done(operation)}",
        hint="track remote check   says what is allowed there and what is not",
        details=(display(first[:300]),),
    )


def _about_credentials(text: str, code: str, bound: Bound) -> RemoteError | None:
    if any(mark in text for mark in _METADATA) or "metadata_endpoint" in text:
        return no_credentials(bound.url)
    if code in _EXPIRED:
        return BadCredentials(
            f"the credentials for {bound.url} have expired ({bound.who}, from {bound.source})",
            hint="aws sso login   or get new ones, as you got these",
        )
    if code == "InvalidAccessKeyId":
        return BadCredentials(
            f"{bound.endpoint} does not know the {bound.who} (from {bound.source})",
            hint="are they the credentials for this server?   a custom one is set with --endpoint",
        )
    if code == "SignatureDoesNotMatch":
        return BadCredentials(
            f"the secret key does not belong to the {bound.who} (from {bound.source})",
            hint="set AWS_SECRET_ACCESS_KEY, or the profile's aws_secret_access_key, again",
        )
    if code in ("InvalidToken", "InvalidClientTokenId", "UnrecognizedClientException"):
        return BadCredentials(
            f"{bound.endpoint} does not accept the session token of the {bound.who} (from {bound.source})",
            hint="unset AWS_SESSION_TOKEN if the key is a permanent one, else get new credentials",
        )
    if code == "RequestTimeTooSkewed":
        return BadCredentials(
            f"{bound.endpoint} refuses requests from this machine: its clock is wrong", hint="date   shows it"
        )
    return None


def no_credentials(url: str) -> BadCredentials:
    """The error when nothing says who we are."""
    return BadCredentials(
        f"there are no credentials for {url}",
        hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in the environment or in .env beside the project,\n"
        "or choose a profile of ~/.aws: track config --clone remote.NAME.profile PROFILE",
        details=("looked in: the environment, .env, ~/.aws, the role of this machine",),
    )


def _about_bucket(text: str, code: str, status: int, bound: Bound) -> RemoteError | None:
    if code == "NoSuchBucket":
        return RemoteUnreachable(
            f"there is no bucket `{bound.bucket}` at {bound.endpoint}",
            hint=f"make it first: aws s3 mb s3://{bound.bucket}   or, if it is on another server: "
            f"track remote add NAME {bound.url} --endpoint URL",
        )
    if code in _REGION_WRONG or status in (301, 307) or "incorrectly configured region" in text:
        match = _REGION.search(text)
        region = next((each for each in match.groups() if each), None) if match else None
        where = f"in {region}, not in" if region else "not in"
        return RemoteUnreachable(
            f"the bucket `{bound.bucket}` is {where} the region {bound.region}",
            hint=f"track config remote.NAME.region {region or 'REGION'}",
        )
    return None


def _about_rights(code: str, status: int, bound: Bound, operation: str) -> RemoteError | None:
    if code not in ("AccessDenied", "AllAccessDisabled", "AccountProblem") and status not in (401, 403):
        return None
    what, right = _OPERATIONS[operation]
    return RemoteError(
        f"{bound.who} may not {what} at {bound.url}",
        hint=f"the owner of the bucket has to allow {right} there   to see all that is allowed: track remote check",
        details=(f"credentials from {bound.source}",),
    )


def _about_server(text: str, status: int, bound: Bound) -> RemoteError | None:
    place = bound.endpoint
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
    if status >= 500:
        return RemoteUnreachable(f"{place} failed: it answered with {status}", hint="run the same command again later")
    if any(mark in text for mark in _BROKEN_OFF):
        return RemoteUnreachable(
            f"{place} broke off in the middle of an answer", hint="run the same command again: it goes on"
        )
    if kind or _is_nonsense(text):
        return RemoteUnreachable(
            f"what {place} answers is not S3", hint="is it the address of the S3 service, and not of its web page?"
        )
    return None


def _is_nonsense(text: str) -> bool:
    marks = ("nvalid list response", "nvalid last modified", "nvalid header", "missing", "Missing")
    return any(mark in text for mark in marks) or (_status(text) >= 400 and not _code(text))


def _code(text: str) -> str:
    match = _CODE.search(text)
    return (match[1] or match[2]) if match else ""


def _status(text: str) -> int:
    match = _STATUS.search(text)
    return int(match[1]) if match else 0


def _said(text: str, code: str) -> tuple[str, ...]:
    message = _MESSAGE.search(text)
    if code and message:
        return (f"the server said: {display(code)}: {display(message[1])}",)
    return (f"the server said: {display(code)}",) if code else ()


def _done(operation: str) -> str:
    return {"list": "listed", "read": "read", "write": "written", "delete": "deleted"}[operation]
