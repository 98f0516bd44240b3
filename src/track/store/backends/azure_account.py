"""Who we are to a container of Azure Blob Storage: found where Azure's own tools find it, named without a secret.

In order: a connection string, an account's key, a shared access signature, an application's secret (each from the
environment, and but for the first from `.env` beside the project), a federated token, the Azure CLI, the machine's
own identity. A key or a signature belongs to one account, and is never shown to another.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from track.errors import BadCredentials, RemoteError
from track.model.expressions import expression
from track.model.names import display
from track.store.address import Access, AzureContainer
from track.store.backends.dotenv import read_dotenv

HOST = "blob.core.windows.net"
_ACCOUNT = expression(r"[a-z0-9]{3,24}")
_ACCOUNTS = ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME")
_KEYS = ("AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY")
_APPLICATION = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
_CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"
_ENDPOINT = "AZURE_STORAGE_ENDPOINT"


class AzureCredentials(NamedTuple):
    """Where to go and as whom. `given` is a key or a signature, `settings` say to the client where else to ask.

    `who` and `source` are for people; `repr` never shows what is secret.
    """

    account: str
    endpoint: str
    who: str
    source: str
    given: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        """Who, without what proves it."""
        return f"AzureCredentials({self.who}, from {self.source})"


class _Variables(NamedTuple):
    """The variables of one source."""

    values: Mapping[str, str]
    source: str

    def first(self, *names: str) -> str:
        """The first that is set, or nothing."""
        return next((self.values[name].strip() for name in names if self.values.get(name)), "")


def find_azure(address: AzureContainer, access: Access, environ: Mapping[str, str] | None = None) -> AzureCredentials:
    """Who we are to a container, and where that was said; nothing is asked over a network.

    Raises:
        BadCredentials: nothing says who we are, or what says it is for another account.
        RemoteError: nothing says in which account the container is, or the endpoint is no address.
    """
    here = _Variables(os.environ if environ is None else environ, "the environment")
    file = _Variables(read_dotenv(access.dotenv), ".env")
    string = _connection(here.first(_CONNECTION))
    owner, endpoint = _said(access, string, here, file)
    account = address.account or owner
    if _ACCOUNT.fullmatch(account) is None:
        raise RemoteError(
            f"nothing says in which storage account the container `{address.name}` is"
            if not account
            else f"`{display(account)}` is no storage account",
            hint=f"track remote add NAME https://ACCOUNT.{HOST}/{address.name}   or set {_ACCOUNTS[0]}",
        )
    endpoint = _checked(endpoint or f"https://{account}.{HOST}")

    def made(who: str, source: str, given: Mapping[str, Any] | None = None, **settings: Any) -> AzureCredentials:
        return AzureCredentials(account, endpoint, who, source, given, settings)

    if here.first("AZURE_SKIP_SIGNATURE") in ("1", "true", "True"):
        return made("nobody (requests are not signed)", "AZURE_SKIP_SIGNATURE", skip_signature=True)
    proof = _proof(string, here, file)
    if proof is not None:
        given, source = proof
        _refuse_other_account(address, owner, source)
        what = "the account key" if "access_key" in given else "a shared access signature"
        return made(f"{what} of {account}", source, given)
    for place in (here, file):
        tenant, application, secret = map(place.first, _APPLICATION)
        if tenant and application and secret:
            who = f"application {display(application[:8])}…"
            return made(who, place.source, tenant_id=tenant, client_id=application, client_secret=secret)
    return _ambient(address, here, made)


def server_of(address: AzureContainer, access: Access, environ: Mapping[str, str]) -> str:
    """The account and the server that the container is asked of. Raises BadCredentials."""
    here, file = _Variables(environ, "the environment"), _Variables(read_dotenv(access.dotenv), ".env")
    owner, endpoint = _said(access, _connection(here.first(_CONNECTION)), here, file)
    return f"{address.account or owner} {endpoint}".strip()


def _said(access: Access, string: Mapping[str, str], here: _Variables, file: _Variables) -> tuple[str, str]:
    """(account, endpoint) as they were said; empty where nothing says them."""
    owner = string.get("AccountName") or here.first(*_ACCOUNTS) or file.first(*_ACCOUNTS)
    endpoint = access.endpoint or string.get("BlobEndpoint") or here.first(_ENDPOINT) or file.first(_ENDPOINT)
    return owner, endpoint


def _ambient(address: AzureContainer, here: _Variables, made: Callable[..., AzureCredentials]) -> AzureCredentials:
    """What the machine, or who is logged in at it, may do. Raises BadCredentials when nobody is."""
    tenant, application, _ = map(here.first, _APPLICATION)
    token = here.first("AZURE_FEDERATED_TOKEN_FILE")
    if tenant and application and token:
        settings = {"tenant_id": tenant, "client_id": application, "federated_token_file": token}
        return made(f"application {display(application[:8])}…", "a federated token", **settings)
    home = Path(here.first("AZURE_CONFIG_DIR") or Path(here.first("HOME") or os.path.expanduser("~")) / ".azure")
    if (home / "azureProfile.json").is_file():
        return made("who is logged in at the Azure CLI", str(display(str(home))), use_azure_cli=True)
    if here.first("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_USE_MANAGED_IDENTITY"):
        settings = {"client_id": application} if application else {}
        if endpoint := here.first("IDENTITY_ENDPOINT", "MSI_ENDPOINT"):
            settings["msi_endpoint"] = endpoint
        return made("the identity of this machine", "its metadata", **settings)
    raise no_credentials(str(address))


def no_credentials(url: str) -> BadCredentials:
    """The error when nothing says who we are."""
    return BadCredentials(
        f"there are no credentials for {url}",
        hint=f"az login   or set {_ACCOUNTS[0]} and {_KEYS[0]} (or AZURE_STORAGE_SAS_TOKEN), in the environment or in "
        ".env beside the project",
        details=(
            "looked in: the environment, .env, the Azure CLI, the identity of this machine "
            "(asked only where AZURE_USE_MANAGED_IDENTITY is set)",
        ),
    )


def _proof(string: Mapping[str, str], here: _Variables, file: _Variables) -> tuple[Mapping[str, Any], str] | None:
    """A key or a signature, and where it was found."""
    for values, source in (
        ((string.get("AccountKey", ""), string.get("SharedAccessSignature", "")), _CONNECTION),
        *(((place.first(*_KEYS), place.first("AZURE_STORAGE_SAS_TOKEN")), place.source) for place in (here, file)),
    ):
        key, signature = values
        if key:
            return {"access_key": key, "expires_at": None}, source
        if signature:
            return {"sas_token": signature.removeprefix("?"), "expires_at": None}, source
    return None


def _refuse_other_account(address: AzureContainer, owner: str, source: str) -> None:
    """Refuse to prove to one account what we are to another: a stranger may have named it. Raises BadCredentials."""
    if address.account and not owner:
        raise BadCredentials(
            f"{source} has a key or a signature, and nothing says for which storage account",
            hint=f"if it is for this one: {_ACCOUNTS[0]}={address.account}",
        )
    if address.account and owner != address.account:
        raise BadCredentials(
            f"the credentials in {source} are for the storage account `{display(owner)}`; "
            f"{address} is in `{address.account}`",
            hint=f"set {_ACCOUNTS[0]} and {_KEYS[0]} for `{address.account}`   or unset them and: az login",
        )


def _connection(text: str) -> Mapping[str, str]:
    """The parts of a connection string; empty when there is none."""
    parts = (part.partition("=") for part in text.strip().split(";") if part)
    found = {name.strip(): value.strip() for name, is_set, value in parts if is_set}
    if "BlobEndpoint" not in found and found.get("AccountName") and found.get("EndpointSuffix"):
        scheme = found.get("DefaultEndpointsProtocol", "https")
        found["BlobEndpoint"] = f"{scheme}://{found['AccountName']}.{HOST.partition('.')[0]}.{found['EndpointSuffix']}"
    return found


def _checked(endpoint: str) -> str:
    """The address of the server, without a slash at its end. Raises RemoteError."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc:
        raise RemoteError(
            f"the endpoint `{display(endpoint.partition('?')[0])}` is no address of a server",
            hint=f"https://ACCOUNT.{HOST}   or, for an emulator, http://127.0.0.1:10000/ACCOUNT",
        )
    return endpoint.rstrip("/")
