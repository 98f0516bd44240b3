"""A real server that speaks as Azure Blob Storage does: Azurite, from npm, on the loopback.

It is installed once below build/, in the version named here; where npm is missing the tests fail, they are never
left out.
"""

import base64
import fcntl
import hashlib
import hmac
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from support.running import answer_of, running
from track.store.address import Access, AzureContainer
from track.store.backends.azure import open_container
from track.store.backends.object_place import ObjectPlace

AZURITE = "azurite@3.35.0"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # every emulator's
CONTAINER = "data"
_INSTALLED = Path(__file__).parents[2] / "build" / "npm" / AZURITE.replace("@", "-")


class Azure(NamedTuple):
    """A server that runs, and where: the address of the account at it."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a process the owner of the account."""
        return {"AZURE_STORAGE_ACCOUNT": ACCOUNT, "AZURE_STORAGE_KEY": KEY}


@contextmanager
def azurite(folder: Path) -> Iterator[Azure]:
    """A server with nothing but `CONTAINER` in it."""
    program = installed()

    def command(port: int) -> list[str]:
        return [
            shutil.which("node") or "node", str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port),
            "--location", str(folder), "--disableTelemetry", "--silent", "--skipApiVersionCheck",
        ]  # fmt: skip

    with running("azurite", command, folder) as address:
        server = Azure(f"{address}/{ACCOUNT}")
        make_container(server, CONTAINER)
        yield server


def installed() -> Path:
    """The server's program, installed when it is not yet; of several workers one does it. Raises RuntimeError."""
    program = _INSTALLED / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    with open(_INSTALLED / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.is_file():
            npm = shutil.which("npm")
            if npm is None:
                raise RuntimeError("the tests of Azure need `npm`; see tests/system-packages.txt")
            command = [npm, "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", AZURITE]
            done = subprocess.run(command, cwd=_INSTALLED, capture_output=True, text=True, check=False, timeout=280)
            if done.returncode or not program.is_file():
                raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    return program


def place_at(server: Azure, prefix: str = "", container: str = CONTAINER, **variables: str) -> ObjectPlace:
    """A place at the server, as the owner or as whom these variables make us."""
    given = variables or server.environment
    before = dict(os.environ)
    for name in tuple(os.environ):
        if name.startswith("AZURE_"):
            del os.environ[name]
    os.environ.update(given)
    try:
        return open_container(AzureContainer(container, prefix), Access(endpoint=server.endpoint))
    finally:
        os.environ.clear()
        os.environ.update(before)


def make_container(server: Azure, name: str) -> None:
    """Make a container, as its owner."""
    headers = {"x-ms-date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"), "x-ms-version": "2021-08-06"}
    lines = "".join(f"{header}:{headers[header]}\n" for header in sorted(headers))
    resource = f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    text = "\n".join(["PUT", *[""] * 4, "application/x-none", *[""] * 6]) + "\n" + lines + resource
    headers |= {"Authorization": f"SharedKey {ACCOUNT}:{_signed(text)}", "Content-Type": "application/x-none"}
    status = answer_of(f"{server.endpoint}/{name}?restype=container", "PUT", headers, b"")
    assert status in (201, 409), status


def signature(rights: str, container: str = CONTAINER, *, hours: float = 1) -> str:
    """A shared access signature for a container: of r, l, c, w, d in `rights`; expired when `hours` are negative."""
    now = datetime.now(UTC)
    start, end = (
        when.strftime("%Y-%m-%dT%H:%M:%SZ") for when in (now - timedelta(days=2), now + timedelta(hours=hours))
    )
    version = "2020-12-06"
    text = "\n".join((rights, start, end, f"/blob/{ACCOUNT}/{container}", "", "", "", version, "c", *[""] * 7))
    quoted = _signed(text).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return f"sp={rights}&st={start.replace(':', '%3A')}&se={end.replace(':', '%3A')}&sv={version}&sr=c&sig={quoted}"


def _signed(text: str) -> str:
    return base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
