"""A real server of SSH for tests: OpenSSH on a loopback port of its own, with keys of its own, and SFTP alone.

Its program comes with Debian's `openssh-server` (tests/system-packages.txt); where it is missing the tests fail.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_DEADLINE_S = 60
_FOR_EVERYBODY = "AuthorizedKeysCommand /bin/cat {folder}/authorized_keys\nAuthorizedKeysCommandUser root"
"""The person's key is everybody's, where the server may become everybody; what lies in a folder of root's is read."""

_CONFIG = """\
{more}
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PidFile none
LogLevel VERBOSE
MaxStartups 200
ForceCommand internal-sftp
Subsystem sftp internal-sftp
"""


class Sshd(NamedTuple):
    """A server that runs: where, who it is, and the key of a person whom it knows."""

    port: int
    host_key: str
    person: Path
    """The file of the person's private key."""
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def name(self) -> str:
        """As files of known hosts call it."""
        return f"[127.0.0.1]:{self.port}"

    def url(self, path: Path | str, user: str = "") -> str:
        """The address of a folder there."""
        return f"ssh://{user}{'@' if user else ''}127.0.0.1:{self.port}{path}"

    @property
    def said(self) -> str:
        """Everything that it wrote down."""
        return (self.folder / "sshd.log").read_text()


def program() -> str:
    """The server's program. Raises RuntimeError when it is nowhere."""
    found = shutil.which("sshd", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
    if found is None:
        raise RuntimeError("the SSH tests need the program `sshd`: apt-get install openssh-server")
    return found


@contextmanager
def sshd(folder: Path, more: str = "") -> Iterator[Sshd]:
    """A server over the whole machine, for the one who runs the tests; ended by its own process id."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for name in ("host", "person"):
        new_key(folder / name)
    shutil.copy(folder / "person.pub", folder / "authorized_keys")
    port = _free_port()
    if os.geteuid() == 0:
        more = f"{more}\n{_FOR_EVERYBODY.format(folder=folder)}"
    (folder / "sshd_config").write_text(_CONFIG.format(port=port, folder=folder, more=more))
    with open(folder / "sshd.log", "wb") as log:
        process = subprocess.Popen(
            [program(), "-D", "-e", "-f", str(folder / "sshd_config")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    server = Sshd(port, key, folder / "person", folder, process)
    try:
        _wait(server)
        yield server
    finally:
        _end(process)


def new_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> None:
    """A new pair of keys."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "track", "-f", str(path)], check=True)


def introduce(server: Sshd, home: Path, *, host_key: bool = True, person: bool = True) -> None:
    """Have a home know the server, and its owner be known there."""
    folder = home / ".ssh"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if host_key:
        with open(folder / "known_hosts", "a") as file:
            file.write(f"{server.name} {server.host_key}\n")
    if person:
        shutil.copy(server.person, folder / "id_ed25519")


def _wait(server: Sshd) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
            if line.recv(8).startswith(b"SSH-2.0"):
                return
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the SSH server does not answer: {server.said}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
