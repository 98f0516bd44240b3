"""What goes wrong with a container of Azure Blob Storage, told so that a person knows what to change."""

from typing import NamedTuple

from track.errors import BadCredentials, DiskFull, RemoteError, RemoteUnreachable
from track.store.backends.azure_account import HOST, no_credentials
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

_READER, _WRITER = "the role Storage Blob Data Reader", "the role Storage Blob Data Contributor"
_RIGHTS = {"list": f"{_READER} (in a signature: l)", "read": f"{_READER} (in a signature: r)"}
_RIGHTS |= {"write": f"{_WRITER} (in a signature: c and w)", "delete": f"{_WRITER} (in a signature: d)"}
_MISSING = {"ContainerNotFound", "ContainerBeingDeleted", "ResourceNotFound", "ContainerDisabled"}
_MANY = "Bulk delete request failed"
_NOT_ALLOWED = {
    *("AuthorizationPermissionMismatch", "AuthorizationFailure", "InsufficientAccountPermissions"),
    *("AuthorizationServiceMismatch", "AuthorizationResourceTypeMismatch", "AuthorizationProtocolMismatch"),
    *("PublicAccessNotPermitted", "NoAuthenticationInformation", "AuthorizationSourceIPMismatch", "AccountIsDisabled"),
}


class AzureBound(NamedTuple):
    """What a message may name: the place, its container, account and server, who asked, and where that was said."""

    url: str
    container: str
    account: str
    endpoint: str
    who: str
    source: str

    @property
    def server(self) -> Server:
        """The same, as all kinds of servers have it."""
        return Server(self.url, self.endpoint, "Azure Blob Storage", self.who, self.source)

    def misses_container(self, text: str) -> bool:
        """Whether a failure says that the container itself is not there."""
        return code_of(text) in _MISSING

    def explain(self, error: Exception, *, operation: str, key: str) -> RemoteError | DiskFull:
        """The error of ours for a failure of the client; `operation` is list, read, write or delete."""
        text = str(error)
        code, status = code_of(text), status_of(text)
        for found in (
            self._about_credentials(text, code, status),
            self._about_container(text, code, status),
            not_allowed(self.server, operation, _RIGHTS[operation], "the owner of the storage account")
            if code in _NOT_ALLOWED or (status in (401, 403) and (code or _MANY in text))
            else None,
            about_server(text, self.server),
        ):
            if found is not None:
                found.details = (*found.details, *said(text))
                return found
        return odd_key(text, self.server) or anything_else(text, self.server, operation, key)

    def _about_credentials(self, text: str, code: str, status: int) -> RemoteError | None:
        if "az account get-access-token" in text or "AzureCli" in text:
            return BadCredentials(f"the Azure CLI gives no token for {self.url}", hint="az login")
        if "metadata/identity" in text or "169.254.169.254" in text:
            return no_credentials(self.url)
        if "login.microsoftonline" in text or "token request" in text or "TokenRequest" in text:
            return BadCredentials(
                f"no token could be had for the {self.who} (from {self.source})",
                hint="are AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET right, and not expired?",
            )
        if "Invalid Access Key" in text or "SAS" in text.partition("\n")[0]:
            return BadCredentials(
                f"{self.who} (from {self.source}) is not whole: it cannot be read",
                hint="copy it again, all of it: az storage account keys list",
            )
        if "time frame" in text or "Signature not valid in the specified" in text:
            return BadCredentials(
                f"the signature for {self.url} has expired, or does not hold yet (from {self.source})",
                hint="get a new one, as you got this   or: az login",
            )
        if "date header" in text:
            return clock_is_wrong(self.server)
        if code in ("AuthenticationFailed", "InvalidAuthenticationInfo") or "failed to authenticate" in text:
            return BadCredentials(
                f"{self.endpoint} does not accept {self.who} (from {self.source})",
                hint="copy it again: az storage account keys list   or: az login",
            )
        return None

    def _about_container(self, text: str, code: str, status: int) -> RemoteError | None:
        if self.endpoint.endswith(HOST) and ("dns error" in text or "failed to lookup address" in text):
            return RemoteUnreachable(
                f"there is no storage account `{self.account}`, or no network",
                hint="az storage account list   names yours",
            )
        if code == "ContainerBeingDeleted":
            return RemoteUnreachable(
                f"the container `{self.container}` is being deleted", hint="wait a minute, then make it again"
            )
        if code in _MISSING and "PublicAccess" not in text:
            return RemoteUnreachable(
                f"there is no container `{self.container}` in `{self.account}` at {self.endpoint}"
                + (", or not for everybody" if self.who.startswith("nobody") else ""),
                hint=f"make it first: az storage container create --name {self.container} "
                f"--account-name {self.account}"
                + ("" if self.endpoint.endswith(HOST) else f" --blob-endpoint {self.endpoint}"),
            )
        return None
