"""A container of Azure Blob Storage as a place."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore

from track.errors import RemoteError
from track.model.names import display
from track.store.address import Access, AzureContainer
from track.store.backends.azure_account import AzureCredentials, find_azure
from track.store.backends.azure_failure import AzureBound
from track.store.backends.object_place import ObjectPlace, for_bodies, for_parts, for_questions
from track.store.backends.object_store import ObjectStoreFilesystem


def open_container(address: AzureContainer, access: Access) -> ObjectPlace:
    """The place at a container; nothing is asked of it yet.

    Raises:
        RemoteError: nothing says who we are, in which account the container is, or the endpoint is no address.
    """
    found = find_azure(address, access)
    bound = AzureBound(str(address), address.name, found.account, display(found.endpoint), found.who, found.source)
    asking, sending, parts = (_store(address, found, bound, each) for each in (for_questions, for_bodies, for_parts))
    return ObjectPlace(address.prefix, ObjectStoreFilesystem(asking, sending, parts), bound)


def _store(
    address: AzureContainer, found: AzureCredentials, bound: AzureBound, patience: Callable[..., dict[str, Any]]
) -> AzureStore:
    """A client of a container. Whatever it would take from the environment by itself is said here instead."""
    config: Any = {
        "account_name": found.account,
        "endpoint": found.endpoint,
        "use_emulator": False,
        "use_fabric_endpoint": False,
        "use_azure_cli": False,
        "skip_signature": False,
        **found.settings,
    }
    given: Any = None if found.given is None else _Fixed(found.given)
    is_plain = urlsplit(found.endpoint).scheme == "http"
    try:
        return AzureStore(address.name, config=config, credential_provider=given, **patience(is_plain=is_plain))
    except (BaseError, ValueError) as error:
        if "Access Key" in str(error) or "SAS" in str(error):
            raise bound.explain(error, operation="read", key="") from None  # its text would show a part of the secret
        details = (display(str(error).partition("\n")[0][:300]),)
        raise RemoteError(f"{address} cannot be reached with these settings", details=details) from error


class _Fixed:
    """Gives the client one key or signature, always, so that it never mixes it with what the environment has."""

    def __init__(self, given: Any) -> None:
        self._given = given

    def __call__(self) -> Any:
        return self._given
