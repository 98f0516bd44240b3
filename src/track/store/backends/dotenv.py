"""`.env` beside the project: the variables in it that say who we are at a place, and nothing else of it.

What also says where to go, or as whom of several, is named apart: such a line may have come with the repository, and
holds only after the person here allowed it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from track.errors import BadCredentials
from track.model.names import display
from track.store.address import Address, AzureContainer, Bucket, DavFolder, GoogleBucket

_MAX_FILE = 1 << 20


class Variables(NamedTuple):
    """What is read for one kind of place: `endpoints` name a server, `choices` an account, `secrets` prove it.

    Of `endpoints` and of `choices`, the stronger come first.
    """

    endpoints: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


VARIABLES: Mapping[type, Variables] = {
    Bucket: Variables(
        ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        ("AWS_PROFILE",),
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"),
    ),
    AzureContainer: Variables(
        ("AZURE_STORAGE_ENDPOINT",),
        ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"),
        (
            *("AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"),
            *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
        ),
    ),
    GoogleBucket: Variables(("STORAGE_EMULATOR_HOST",), ("GOOGLE_APPLICATION_CREDENTIALS",)),
    DavFolder: Variables(secrets=("WEBDAV_USER", "WEBDAV_PASSWORD", "WEBDAV_TOKEN")),
}
"""The variables of each kind of place."""

_READ = {name for one in VARIABLES.values() for names in one for name in names}


def variables_of(address: Address) -> Variables:
    """The variables that are read for a place."""
    return VARIABLES.get(type(address), Variables())


def read_dotenv(path: Path | None) -> dict[str, str]:
    """The variables of a `.env` file that are for a place; nothing else in it is looked at. Never expanded.

    Raises:
        BadCredentials: the file cannot be read.
    """
    found: dict[str, str] = {}
    for line in text_of(path).splitlines():
        name, is_set, value = line.strip().removeprefix("export ").partition("=")
        value = value.strip()
        if value[:1] in ("'", '"') and len(value) > 1 and value.find(value[0], 1) > 0:
            value = value[1 : value.find(value[0], 1)]
        else:
            value = value.partition(" #")[0].strip()
        if is_set and name.strip() in _READ:
            found[name.strip()] = value
    return found


def text_of(path: Path | None) -> str:
    """The text of a small file; empty when there is none. Raises BadCredentials when it cannot be read."""
    if path is None:
        return ""
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_FILE).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return ""
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise BadCredentials(f"{display(str(path))} cannot be read: {why}") from error
