"""How a server of SSH is connected to, and which one is believed to be the one that was meant.

The person's own `~/.ssh/config`, agent, keys and known hosts decide, the machine's in `/etc/ssh` after them. A server
whose key no file knows is refused, whatever the configuration says of it: nothing is accepted silently.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import asyncssh

CONNECT_S = 20.0
"""Within so many seconds a connection is there and the server knows us, or it is given up."""

_KEEP_ALIVE_S = 20


class UnknownKey(NamedTuple):
    """A key that a server showed, and that no file of known hosts has; `name` is what such a file calls the server."""

    name: str
    key: str
    fingerprint: str
    is_other: bool
    """Whether another key of this server is known."""


class Keeper(asyncssh.SSHClient):
    """Refuses every server whose key is not known, and remembers what it showed."""

    def __init__(self, known: Any) -> None:
        self._known = known
        self._shown: asyncssh.SSHKeyPair | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """Note which key is shown; the last one, when we are known, is the one by which."""
        ask = conn.public_key_auth_requested

        async def noting() -> asyncssh.SSHKeyPair | None:
            self._shown = await ask()
            return self._shown

        conn.public_key_auth_requested = noting  # type: ignore[method-assign]  # nothing else says it

    @property
    def known_by(self) -> str:
        """By what the server knows us, as text for people; empty where that was no key."""
        if (key := self._shown) is None:
            return ""
        whose = "a key of the agent" if key.get_key_type() == "agent" else "a key of a file"
        name = key.get_comment() or key.get_algorithm()
        return f"{whose}, {name}"

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """False, always: a key that a file of known hosts has is not asked about."""
        line = key.export_public_key("openssh").decode("ascii", "replace").split()
        name = host if port == asyncssh.DEFAULT_PORT else f"[{host}]:{port}"
        is_other = bool(self._known.match(host, addr, port)[0])
        raise Refused(UnknownKey(name, " ".join(line[:2]), key.get_fingerprint(), is_other))


class Refused(asyncssh.HostKeyNotVerifiable):
    """A server was refused because its key is not known."""

    def __init__(self, seen: UnknownKey) -> None:
        """`seen` is what it showed."""
        super().__init__(f"the key {seen.fingerprint} of {seen.name} is not known")
        self.seen = seen


def settings(host: str, port: int | None, user: str | None) -> asyncssh.SSHClientConnectionOptions:
    """How a server is connected to: what the person's configuration says, and what is the same everywhere.

    Raises asyncssh.ConfigParseError where the configuration cannot be read.
    """
    home = Path(os.path.expanduser("~/.ssh"))
    files = [path for path in (home / "config", Path("/etc/ssh/ssh_config")) if os.access(path, os.R_OK)]
    said: dict[str, Any] = {
        "config": list(map(str, files)),
        "host": host,
        "port": port if port is not None else (),
        "username": user if user is not None else (),
    }
    config = asyncssh.SSHClientConnectionOptions(**said, client_keys=None).config
    named = config.get("IdentityFile", ())
    options = asyncssh.SSHClientConnectionOptions(
        **said,
        client_keys=[file for file in named if _is_key(file)] if isinstance(named, Sequence) and named else (),
        ignore_encrypted=True,  # whoever has a passphrase has an agent: nothing is asked here
        connect_timeout=CONNECT_S,
        login_timeout=CONNECT_S,
        keepalive_interval=_KEEP_ALIVE_S,
        keepalive_count_max=10,  # it is for routers that forget; who is silent is found out sooner
        agent_forwarding=False,
        command=None,
    )
    usual = (home / "known_hosts", home / "known_hosts2")
    told = options.known_hosts if isinstance(options.known_hosts, Sequence) else ()
    options.known_hosts = known_hosts((*(told or usual), "/etc/ssh/ssh_known_hosts"))
    return options


def _is_key(file: str) -> bool:
    """Whether a file that the configuration names is there and holds a key; SSH passes over the others too."""
    try:
        asyncssh.load_keypairs(file, ignore_encrypted=True)
    except (OSError, ValueError):
        return False
    return True


def known_hosts(files: Iterable[str | Path]) -> asyncssh.SSHKnownHosts:
    """The keys of servers that these files know; those that are not there are left out, and so are lines that are none.

    No file at all is as good as an empty one: then no server is known.
    """
    lines: list[str] = []
    for file in dict.fromkeys(os.path.expanduser(os.fspath(file)) for file in files):
        with suppress(OSError):
            lines += Path(file).read_text("utf-8", "replace").splitlines()
    return asyncssh.import_known_hosts("".join(f"{line}\n" for line in lines if _is_entry(line)))


def _is_entry(line: str) -> bool:
    if not line.strip() or line.lstrip().startswith("#"):
        return False
    try:
        asyncssh.import_known_hosts(line)
    except ValueError:
        return False
    return True
