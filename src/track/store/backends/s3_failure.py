"""What goes wrong with a bucket of S3, told so that a person knows what to change."""

from typing import NamedTuple

from track.errors import BadCredentials, DiskFull, RemoteError, RemoteUnreachable
from track.model.expressions import expression
from track.store.backends.failure import (
    Server,
    about_server,
    anything_else,
    clock_is_wrong,
    code_of,
    not_allowed,
    odd_key,
    said,
    status_of,
)

_REGION = expression(r"expecting '([a-z0-9-]{1,40})'|<Region>([a-z0-9-]{1,40})</Region>")
_METADATA = ("latest/api/token", "latest/meta-data", "169.254.169.254", "169.254.170.2", "169.254.170.23")
_REGION_WRONG = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_EXPIRED = {"ExpiredToken", "TokenRefreshRequired", "ExpiredTokenException", "RequestExpired"}
_RIGHTS = {"list": "s3:ListBucket", "read": "s3:GetObject", "write": "s3:PutObject", "delete": "s3:DeleteObject"}


class Bound(NamedTuple):
    """What a message may name: the place, its bucket, server and region, who asked, and where that was said."""

    url: str
    bucket: str
    endpoint: str
    region: str
    who: str
    source: str

    @property
    def server(self) -> Server:
        """The same, as all kinds of servers have it."""
        return Server(self.url, self.endpoint, "S3", self.who, self.source)

    def misses_container(self, text: str) -> bool:
        """Whether a failure says that the bucket itself is not there."""
        return code_of(text) == "NoSuchBucket"

    def explain(self, error: Exception, *, operation: str, key: str) -> RemoteError | DiskFull:
        """The error of ours for a failure of the client; `operation` is list, read, write or delete."""
        text = str(error)
        code = code_of(text)
        for found in (
            _about_credentials(text, code, self),
            _about_bucket(text, code, status_of(text), self),
            _about_rights(code, status_of(text), self, operation),
            _about_server(text, self),
        ):
            if found is not None:
                found.details = (*found.details, *said(text))
                return found
        return odd_key(text, self.server) or anything_else(text, self.server, operation, key)


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
            hint=f"are they the credentials for this server?   if the bucket is on another one: {_elsewhere(bound)}",
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
        return clock_is_wrong(bound.server)
    return None


def no_credentials(url: str) -> BadCredentials:
    """The error when nothing says who we are."""
    return BadCredentials(
        f"there are no credentials for {url}",
        hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in the environment or in .env beside the project,\n"
        "or choose a profile of ~/.aws: track config --clone remote.NAME.profile PROFILE, or --profile of `remote add`",
        details=("looked in: the environment, .env, ~/.aws, the role of this machine",),
    )


def _about_bucket(text: str, code: str, status: int, bound: Bound) -> RemoteError | None:
    if code == "NoSuchBucket":
        there = "" if ".amazonaws.com" in bound.endpoint else f" --endpoint-url {bound.endpoint}"
        return RemoteUnreachable(
            f"there is no bucket `{bound.bucket}` at {bound.endpoint}",
            hint=f"make it first: aws s3 mb s3://{bound.bucket}{there}   or, if it is on another server: "
            f"{_elsewhere(bound)}",
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


def _about_server(text: str, bound: Bound) -> RemoteError | DiskFull | None:
    """The same as of other servers; who was led to Amazon's because nobody said another one here is told how to."""
    found = about_server(text, bound.server)
    if isinstance(found, RemoteUnreachable) and ".amazonaws.com" in bound.endpoint and not status_of(text):
        found.hint = f"{found.hint}\nif the bucket is on another server than Amazon's: {_elsewhere(bound)}"
    return found


def _elsewhere(bound: Bound) -> str:
    """What names the server of a bucket; it is never committed, so each clone says it once."""
    return f"track remote add NAME {bound.url} --endpoint URL"


def _about_rights(code: str, status: int, bound: Bound, operation: str) -> RemoteError | None:
    if code not in ("AccessDenied", "AllAccessDisabled", "AccountProblem") and status not in (401, 403):
        return None
    return not_allowed(bound.server, operation, _RIGHTS[operation], "the owner of the bucket")
