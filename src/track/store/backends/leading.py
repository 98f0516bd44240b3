"""Leading: what outside of the configuration decides to which server an address leads, as text without a secret.

The environment, `.env`, profiles and the person's configuration of SSH may each say it. Quick to import: `status` and
`pre-push` ask here, and what belongs to one kind of storage is loaded for an address of that kind.
"""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from track.errors import BadCredentials
from track.model.digest import digest_of
from track.store.address import Access, Address, AzureContainer, Bucket, GoogleBucket, SshFolder
from track.store.backends.dotenv import VARIABLES, read_dotenv, text_of

_MODULES: Mapping[type, str] = {Bucket: "credentials", AzureContainer: "azure_account"}
"""Where more is known than the names of variables; each has `server_of`."""
_SSH = {"host", "match", "hostname", "port", "user", "include"}
"""What of the configuration of SSH decides which server a name means."""


def led_by(address: Address, access: Access, environ: Mapping[str, str] | None = None) -> str:
    """What decides it now: another text for another server. Empty where the address alone says it."""
    here = os.environ if environ is None else environ
    try:
        if (module := _MODULES.get(type(address))) is not None:
            return str(import_module(f"track.store.backends.{module}").server_of(address, access, here))
        if isinstance(address, GoogleBucket):
            names = VARIABLES[GoogleBucket].endpoints
            said = (place.get(name, "") for place in (here, read_dotenv(access.dotenv)) for name in names)
            return next(filter(None, said), "")
        if isinstance(address, SshFolder):
            lines = text_of(Path(os.path.expanduser("~/.ssh/config"))).splitlines()
            kept = [line.strip() for line in lines if line.replace("=", " ").split()[:1] and _word(line) in _SSH]
            return str(digest_of("\n".join(kept).encode())) if kept else ""
    except BadCredentials:  # whoever goes there is told why; until then it leads nowhere that was reached
        return "unreadable"
    return ""


def _word(line: str) -> str:
    return line.replace("=", " ").split()[0].lower()
