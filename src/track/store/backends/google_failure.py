"""What goes wrong with a bucket of Google Cloud Storage, told so that a person knows what to change."""

from typing import NamedTuple

from track.errors import BadCredentials, DiskFull, RemoteError, RemoteUnreachable
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

MISSING = "NoSuchBucket"
"""What a failure is called that says that the bucket is not there."""
NO_TOKEN = "NoToken"
"""What a failure is called when no token could be had."""
_VIEWER, _USER = "the role Storage Object Viewer", "the role Storage Object User"
_RIGHTS = {"list": f"{_VIEWER} (storage.objects.list)", "read": f"{_VIEWER} (storage.objects.get)"}
_RIGHTS |= {"write": f"{_USER} (storage.objects.create)", "delete": f"{_USER} (storage.objects.delete)"}


class GoogleBound(NamedTuple):
    """What a message may name: the place, its bucket and server, who asked, and where that was said."""

    url: str
    bucket: str
    endpoint: str
    who: str
    source: str

    @property
    def server(self) -> Server:
        """The same, as all kinds of servers have it."""
        return Server(self.url, self.endpoint, "Google Cloud Storage", self.who, self.source)

    def misses_container(self, text: str) -> bool:
        """Whether a failure says that the bucket itself is not there."""
        return code_of(text) == MISSING

    def explain(self, error: Exception, *, operation: str, key: str) -> RemoteError | DiskFull:
        """The error of ours for a failure of the client; `operation` is list, read, write or delete."""
        text = str(error)
        code, status = code_of(text), status_of(text)
        for found in (
            self._about_credentials(text, code, status),
            self._about_bucket(code, text),
            not_allowed(self.server, operation, _RIGHTS[operation], "the owner of the bucket")
            if status == 403
            else None,
            about_server(text, self.server),
        ):
            if found is not None:
                lines = said(text)
                if code in (MISSING, NO_TOKEN):  # words of ours; what the server said is behind them
                    lines = tuple(line.replace(f": {code}: ", ": ") for line in lines)
                found.details = (*found.details, *lines)
                return found
        return odd_key(text, self.server) or anything_else(text, self.server, operation, key)

    def _about_credentials(self, text: str, code: str, status: int) -> RemoteError | None:
        source = f" (from {self.source})" if self.source else ""
        if code == NO_TOKEN and ("iat" in text or "short-lived" in text):  # of a signed request for a token
            return clock_is_wrong(self.server)
        if code == NO_TOKEN:
            return BadCredentials(
                f"no token could be had for {self.who}{source}",
                hint="gcloud auth application-default login   or, for a service account: is its key still valid?",
            )
        if status == 401 and self.who.startswith("nobody"):
            return BadCredentials(
                f"{self.endpoint} asks who you are, and nothing says it",
                hint="gcloud auth application-default login   or set GOOGLE_APPLICATION_CREDENTIALS",
            )
        if status == 401:
            return BadCredentials(
                f"{self.endpoint} does not accept {self.who}{source}",
                hint="gcloud auth application-default login   or make a new key of the service account",
            )
        return None

    def _about_bucket(self, code: str, text: str) -> RemoteError | None:
        if 300 <= status_of(text) < 400:
            return RemoteUnreachable(
                f"{self.endpoint} says that {self.url} is elsewhere; what is meant for it is sent nowhere else",
                hint="is it the address of the Google Cloud Storage service, or is a proxy in between?",
            )
        if code == MISSING:
            return RemoteUnreachable(
                f"there is no bucket `{self.bucket}` at {self.endpoint}",
                hint=f"make it first: gcloud storage buckets create gs://{self.bucket}",
            )
        if status_of(text) == 403 and "billing" in text and "disabled" in text:
            return RemoteError(
                f"the project of the bucket `{self.bucket}` has no billing account, or it is closed",
                hint="whoever looks after it: gcloud billing projects describe PROJECT",
            )
        return None
