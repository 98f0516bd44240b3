"""Leading: what outside of the configuration decides to which server an address leads, as text without a secret.

The environment, `.env`, profiles and the person's configuration of SSH may each say it. Quick to import: `status` and
`pre-push` ask here, and what belongs to one kind of storage is loaded for an address of that kind.
"""

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from glob import glob
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
            kept = list(_ssh_lines(Path(os.path.expanduser("~/.ssh/config")), set()))
            return str(digest_of("\n".join(kept).encode())) if kept else ""
    except BadCredentials:  # whoever goes there is told why; until then it leads nowhere that was reached
        return "unreadable"
    return ""


def _ssh_lines(file: Path, seen: set[Path]) -> Iterator[str]:
    """The lines of a configuration of SSH, and of what it includes, that decide which server a name means.

    As SSH does it, a name that is not absolute is one in `~/.ssh`; a file that is included again is read once.
    """
    if file in seen:
        return
    seen.add(file)
    for line in text_of(file).splitlines():
        words = line.replace("=", " ", 1).split()
        if not words or (word := words[0].lower()) not in _SSH:
            continue
        yield line.strip()
        if word == "include":
            for found in _included(line):
                yield from _ssh_lines(found, seen)


def _included(line: str) -> Iterator[Path]:
    """The files that a line of the configuration of SSH includes now; none, where SSH could not read it."""
    home = os.path.expanduser("~/.ssh")
    with suppress(ValueError):
        for pattern in shlex.split(line.replace("=", " ", 1))[1:]:
            yield from map(Path, sorted(glob(os.path.join(home, os.path.expanduser(pattern)))))
