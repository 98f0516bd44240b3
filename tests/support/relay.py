"""A relay before a server: whatever it sends to its clients is counted, byte for byte, whatever the protocol."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass
class Relay:
    """Where it listens on the loopback, and how many bytes came back from the server through it so far."""

    port: int
    received: int = 0


@contextmanager
def relay(port: int) -> Iterator[Relay]:
    """A relay to the server at a port of the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Relay(listening.getsockname()[1])
        threading.Thread(target=_accept, args=(listening, port, made), daemon=True).start()
        yield made
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # the thread that waits there ends


def _accept(listening: socket.socket, port: int, made: Relay) -> None:
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            server = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=_pass_on, args=(client, server, None), daemon=True).start()
            threading.Thread(target=_pass_on, args=(server, client, made), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, count: Relay | None) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            if count is not None:
                count.received += len(data)
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
            end.close()
