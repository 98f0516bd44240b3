"""What goes wrong with a server of SSH, told so that a person knows what to change."""

import socket
from typing import NamedTuple

import asyncssh

from track.errors import BadCredentials, DiskFull, RemoteError, RemoteUnreachable, TrackError
from track.model.names import display
from track.store.backends.ssh_connection import Full, NotAFile, Silent
from track.store.backends.ssh_settings import Refused, UnknownKey

_DONE = {"list": "listed", "read": "read", "write": "written", "delete": "deleted"}
_FULL = (Full, asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded)
_DENIED = (asyncssh.SFTPPermissionDenied, asyncssh.SFTPWriteProtect, asyncssh.SFTPCannotDelete)
_NO_FILE = (NotAFile, asyncssh.SFTPFileIsADirectory, asyncssh.SFTPLinkLoop)


class Bound(NamedTuple):
    """What a message may name: the place, its server, and who asked: empty and None are what SSH itself takes."""

    url: str
    host: str
    port: int | None
    user: str

    @property
    def server(self) -> str:
        """The server, as a message calls it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return display(f"{host}:{self.port}" if self.port else host)

    @property
    def who(self) -> str:
        """The person, as a message calls them."""
        return display(self.user) or "you"


BROKEN = (
    asyncssh.ConnectionLost,
    asyncssh.SFTPConnectionLost,
    asyncssh.SFTPNoConnection,
    asyncssh.ServiceNotAvailable,
    asyncssh.ProtocolError,
    asyncssh.MACError,
    asyncssh.CompressionError,
    asyncssh.KeyExchangeFailed,
    ConnectionError,
)
"""A line that was there and broke, or on which something was altered: a new one may be better."""
SILENT = (Silent, TimeoutError)
"""A server that says nothing, or took too long to say it."""
UNKNOWN = (asyncssh.PermissionDenied, PermissionError, asyncssh.HostKeyNotVerifiable)
"""One of the two is not who it should be."""
CONNECTING_FAILURES = (asyncssh.Error, OSError, *SILENT, ValueError)
"""What a connection may raise when it is made; ValueError where the server gives no channel for SFTP."""
ASKING_FAILURES = (asyncssh.Error, ConnectionError, *SILENT, Full, NotAFile, ValueError)
"""What it may raise when it is used."""


def explain_connection(error: BaseException, bound: Bound) -> TrackError:
    """The error of ours for a connection that could not be made."""
    place = bound.server
    if isinstance(error, Refused):
        return _about_key(error.seen, bound)
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return BadCredentials(
            f"{place} is not the server that it should be: {_said(error)}",
            hint="ask whoever looks after it for its key, and why it changed",
        )
    if isinstance(error, asyncssh.PermissionDenied | PermissionError):
        return BadCredentials(
            f"{place} does not know {bound.who} by any key that is offered here",
            hint=f"ssh-copy-id {_typed(bound)}   gives it yours   a key with a passphrase: ssh-add",
            details=("looked in: the agent, and the keys that ~/.ssh/config names, else those of ~/.ssh",),
        )
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return RemoteUnreachable(
            f"{place} and track have no way in common to make a safe connection",
            hint=f"is the key that known_hosts has for it of another kind than it shows?   "
            f"ssh-keygen -F {_known_as(bound)}",
            details=(_said(error),),
        )
    if isinstance(error, socket.gaierror):
        return RemoteUnreachable(f"there is no server called {place}", hint="is the address right, and the network up?")
    if isinstance(error, ConnectionRefusedError):
        return RemoteUnreachable(f"nothing listens at {place}", hint="is the port right, and the server running?")
    if isinstance(error, SILENT) or "imeout" in str(error):
        return RemoteUnreachable(
            f"{place} does not answer", hint="is it the right address?   is a network of your firm's own needed?"
        )
    if isinstance(error, asyncssh.ProtocolError | asyncssh.ProtocolNotSupported | UnicodeError):
        return RemoteUnreachable(
            f"what {place} answers is not SSH", hint="is the port that of SSH?   a web page has another"
        )
    if isinstance(error, asyncssh.ConfigParseError | asyncssh.KeyImportError | asyncssh.IllegalUserName):
        return RemoteError(
            f"{place}: the configuration of SSH here cannot be used: {_said(error)}", hint="look at ~/.ssh/config"
        )
    if isinstance(error, asyncssh.ChannelOpenError | asyncssh.SFTPError | ValueError):
        return RemoteUnreachable(
            f"{place} knows {bound.who}, and gives no SFTP",
            hint="whoever looks after it: `Subsystem sftp internal-sftp` in its sshd_config",
            details=(_said(error),),
        )
    if isinstance(error, asyncssh.ConnectionLost | ConnectionError | asyncssh.DisconnectError):
        return RemoteUnreachable(
            f"{place} ended the connection before it began",
            hint="is it the port of SSH, and is it not too busy?",
            details=(_said(error),),
        )
    return RemoteUnreachable(
        f"{place} cannot be reached", hint="is the address right, and the network up?", details=(_said(error),)
    )


def _about_key(seen: UnknownKey, bound: Bound) -> BadCredentials:
    """The error for a server whose key no file knows, or knows as another."""
    if seen.is_other:
        return BadCredentials(
            f"{bound.server} shows another key than the one that is known: somebody may be between you and it",
            hint=f"if its keeper says that it changed: ssh-keygen -R {_quoted(seen.name)}   then the same again",
            details=(f"it shows {seen.fingerprint}",),
        )
    return BadCredentials(
        f"the key of {bound.server} is not known here, so track does not speak to it",
        hint=f"if its keeper says that it is {seen.fingerprint}:\n"
        f"mkdir -p ~/.ssh && echo '{seen.name} {seen.key}' >> ~/.ssh/known_hosts",
        details=(f"it shows {seen.fingerprint}",),
    )


_MODES = {
    "list": "`r` and `x` on the folders",
    "read": "`r` on the files, and `x` on the folders",
    "write": "`w` and `x` on the folders",
    "delete": "`w` and `x` on the folders",
}
"""What the filesystem there asks for, in the letters of `chmod`."""


def explain(error: BaseException, bound: Bound, *, operation: str, key: str) -> TrackError:
    """The error of ours for a request that failed; `operation` is list, read, write or delete."""
    if isinstance(error, _FULL):
        return DiskFull(f"{bound.url}: the disk there is full", hint="make room there, then run the same command again")
    if isinstance(error, _NO_FILE):
        return RemoteError(
            f"{bound.url}: {display(key)} is not a file", hint="whoever looks after it: remove it, then track push"
        )
    if isinstance(error, _DENIED):
        what = {"list": "list what is in it", "delete": "delete"}.get(operation, operation)
        return RemoteError(
            f"{bound.who} may not {what} at {bound.url}",
            hint=f"whoever looks after it has to give {bound.who} {_MODES[operation]} there (ls -l, chmod, chgrp)\n"
            "track remote check   says all that is allowed there and what is not",
            details=(f"it is about {display(key)}",) if key else (),
        )
    if isinstance(error, SILENT):
        return RemoteUnreachable(
            f"{bound.server} does not answer any more", hint="run the same command again later: it goes on"
        )
    if isinstance(error, BROKEN):
        return RemoteUnreachable(f"{bound.server} broke the connection", hint="run the same command again: it goes on")
    return RemoteError(
        f"{bound.url}: {display(key)} could not be {_DONE[operation]}",
        hint="track remote check   says what is allowed there and what is not",
        details=(_said(error),),
    )


def _said(error: BaseException) -> str:
    text = getattr(error, "reason", "") or str(error) or type(error).__name__
    return f"the server or the library said: {display(str(text)[:300])}"


def _typed(bound: Bound) -> str:
    """The server as the programs of OpenSSH take it on their lines."""
    who = f"{bound.user}@" if bound.user else ""
    return f"{f'-p {bound.port} ' if bound.port not in (None, 22) else ''}{who}{bound.host}"


def _known_as(bound: Bound) -> str:
    return bound.host if bound.port in (None, 22) else _quoted(f"[{bound.host}]:{bound.port}")


def _quoted(name: str) -> str:
    return f"'{name}'" if "[" in name else name
