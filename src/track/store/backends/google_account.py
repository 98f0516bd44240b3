"""Who we are to a bucket of Google Cloud Storage: found where Google's own tools find it, named without a secret.

In order: the file that `GOOGLE_APPLICATION_CREDENTIALS` names (in the environment, then in `.env` beside the project),
who is logged in at gcloud, the identity of the machine where it is one of Google's. What proves it is a token, which
whoever sees it can use: it is shown to Google alone, so that at any other server (an emulator) we are nobody.
"""

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from google.auth import compute_engine, exceptions, identity_pool
from google.auth.credentials import Credentials
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

from track.errors import BadCredentials, RemoteError
from track.model.expressions import expression
from track.model.names import display
from track.store.address import Access
from track.store.backends.dotenv import read_dotenv, text_of

HOST = "https://storage.googleapis.com"
GOOGLES = expression(r"(?:[a-z0-9-]+\.)*googleapis\.com")
"""The hosts that a token is shown to."""
_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_NOBODY = "GOOGLE_SKIP_SIGNATURE"
_ENDPOINT = "STORAGE_EMULATOR_HOST"
_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
_MACHINE = Path("/sys/class/dmi/id/product_name")


class GoogleCredentials(NamedTuple):
    """Where to go and as whom; `token` gives what proves it, None when we are nobody. The rest is for people."""

    endpoint: str
    who: str
    source: str
    token: Credentials | None = None

    def __repr__(self) -> str:
        """Who, without what proves it."""
        return f"GoogleCredentials({self.who}, from {self.source})"


def find_google(url: str, access: Access, environ: Mapping[str, str] | None = None) -> GoogleCredentials:
    """Who we are to the bucket at `url`, and where that was said; nothing is asked over a network.

    Raises:
        BadCredentials: nothing says who we are, or what says it cannot be read.
        RemoteError: the endpoint is no address.
    """
    here = os.environ if environ is None else environ
    file = read_dotenv(access.dotenv)
    endpoint = _checked(access.endpoint or here.get(_ENDPOINT) or file.get(_ENDPOINT) or HOST)
    if here.get(_NOBODY, "").lower() in ("1", "true"):
        return GoogleCredentials(endpoint, "nobody (no token is sent)", _NOBODY)
    if GOOGLES.fullmatch(urlsplit(endpoint).hostname or "") is None:
        return GoogleCredentials(endpoint, "nobody (a token of Google's is shown to Google alone)", "")
    for variables, source in ((here, _FILE), (file, f"{_FILE} in .env")):
        if path := variables.get(_FILE, "").strip():
            token, who = _read(Path(path).expanduser())
            return GoogleCredentials(endpoint, who, source, token)
    home = Path(here.get("HOME") or os.path.expanduser("~"))
    own = Path(here.get("CLOUDSDK_CONFIG") or home / ".config" / "gcloud") / "application_default_credentials.json"
    if own.is_file():
        token, who = _read(own)
        return GoogleCredentials(endpoint, who, display(str(own)), token)
    if here.get("GCE_METADATA_HOST") or here.get("K_SERVICE") or text_of(_MACHINE).startswith("Google"):
        machine: Any = compute_engine.Credentials
        return GoogleCredentials(endpoint, "the identity of this machine", "its metadata", machine())
    raise BadCredentials(
        f"there are no credentials for {url}",
        hint=f"gcloud auth application-default login   or set {_FILE} to the file of a service account's key, in the "
        "environment or in .env beside the project",
        details=(
            f"looked in: the environment, .env, {display(str(own))}, the identity of this machine; "
            f"a bucket that everybody may read: {_NOBODY}=true",
        ),
    )


def _read(path: Path) -> tuple[Credentials, str]:
    """What a file of credentials proves, and who that is. Raises BadCredentials."""
    text = text_of(path)
    if not text:
        raise BadCredentials(
            f"there is no file {display(str(path))}, which should say who we are",
            hint=f"set {_FILE} to the file of a service account's key   or: gcloud auth application-default login",
        )
    try:
        info = json.loads(text)
        kind = info["type"]
        make, who = _KINDS[kind]
        name = str(info.get("client_email") or info.get("quota_project_id") or "")
        made: Credentials = make(info)
        return made, f"{who} {display(name)}".rstrip() if kind == "service_account" else who
    except (ValueError, TypeError, KeyError, AttributeError, exceptions.GoogleAuthError):
        raise BadCredentials(
            f"{display(str(path))} is no file of credentials that track knows",
            hint="a service account's key, what `gcloud auth application-default login` writes, or a workload identity",
        ) from None  # its text would show a part of the secret


_Service: Any = service_account.Credentials  # google-auth left these without types
_User: Any = user_credentials.Credentials
_Federated: Any = identity_pool.Credentials
_KINDS: Mapping[str, Any] = {
    "service_account": (partial(_Service.from_service_account_info, scopes=_SCOPES), "the service account"),
    "authorized_user": (_User.from_authorized_user_info, "who is logged in at gcloud"),
    "external_account": (partial(_Federated.from_info, scopes=_SCOPES), "a federated identity"),
}
"""What makes credentials of a file, by its kind, and who that is. None of them runs a program."""


def _checked(endpoint: str) -> str:
    """The address of the server, without a slash at its end. Raises RemoteError."""
    whole = endpoint if "://" in endpoint else f"http://{endpoint}"  # as Google's own tools take it
    parts = urlsplit(whole)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc:
        raise RemoteError(
            f"the endpoint `{display(endpoint.partition('?')[0])}` is no address of a server",
            hint=f"{HOST}   or, for an emulator, http://127.0.0.1:4443",
        )
    if parts.scheme == "http" and GOOGLES.fullmatch(parts.hostname):
        raise RemoteError(f"the endpoint `{display(endpoint)}` would show a token to everybody", hint=HOST)
    return whole.rstrip("/")
