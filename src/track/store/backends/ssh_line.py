"""The line to a server of SSH: made when it is needed first, and made again when it breaks, is altered or falls silent.

What was asked is asked again over the new line, so it has to be work of which nothing is different when it is done
twice. The old line is ended first: whatever else waits for it learns so at once, and nothing is written into it.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import asyncssh

from track.errors import TrackError
from track.store.backends.ssh_connection import SshFilesystem
from track.store.backends.ssh_failure import BROKEN, CONNECTING_FAILURES, SILENT, UNKNOWN, Bound, explain_connection
from track.store.backends.ssh_settings import CONNECT_S

MENDING_S = 20.0
"""For so long a line that broke is made again."""
GIVEN_UP_S = 30.0
"""For so long nobody tries again what could not be made again: every thread would wait for the same."""
BEGUN_AGAIN = 8
"""So often at most the same work is begun again."""

_FIRST_S = 1.0
"""For so long a first line is tried that breaks while it is made: a busy server drops some."""
_PAUSE_S = 0.2
_Answer = TypeVar("_Answer")

# Writes that were under way when a line broke are no news: whoever waits for them is told.
logging.getLogger("asyncio").addFilter(lambda record: record.msg != "socket.send() raised exception.")


class Line:
    """The line that every thread shares."""

    def __init__(self, bound: Bound) -> None:
        """Nothing is asked yet. `bound` says afterwards who we are, as SSH itself would say."""
        self.bound = bound
        self._lock = threading.Lock()
        self._connection: SshFilesystem | None = None
        self._failure: TrackError | None = None
        self._failed_s = 0.0

    def connection(self, instead_of: SshFilesystem | None = None) -> SshFilesystem:
        """The connection; a new one where there is none, or only one that broke. Raises RemoteError.

        Where a line could not be made again, all threads give it up together.
        """
        with self._lock:
            if self._connection is None or self._connection is instead_of:
                self._connection = None
                if instead_of is not None:
                    instead_of.abort()
                if self._failure is not None and time.monotonic() - self._failed_s < GIVEN_UP_S:
                    raise self._failure
                try:
                    self._connection = self._made(_FIRST_S if instead_of is None else MENDING_S)
                except TrackError as error:
                    if instead_of is not None:
                        self._failure, self._failed_s = error, time.monotonic()
                    raise
                self._failure = None
            return self._connection

    def ask(self, work: Callable[[SshFilesystem], _Answer]) -> _Answer:
        """The answer to some work, which is begun again over a new line when the line breaks.

        A server that says nothing is asked once more over a new line: a length that was altered on the way makes both
        sides wait. Raises whatever the work does, and RemoteError where no new line can be made.
        """
        connection = self.connection()
        silences = 0
        for _ in range(BEGUN_AGAIN):
            try:
                return work(connection)
            except SILENT:
                silences += 1
                if silences > 1:
                    raise
            except BROKEN:
                time.sleep(_PAUSE_S * random.uniform(0.5, 1))
            connection = self.connection(instead_of=connection)
        return work(connection)

    def _made(self, patience_s: float) -> SshFilesystem:
        """A new connection; one that breaks while it is made is tried again for so long. Raises RemoteError.

        In the place of one that broke, whatever goes wrong may be more of the same, and silence may be so once.
        """
        is_first = patience_s == _FIRST_S
        until, pause_s, silences = time.monotonic() + patience_s, _PAUSE_S, 0
        while True:
            try:
                return self._tried()
            except CONNECTING_FAILURES as error:
                if isinstance(error, SILENT):
                    silences += 1
                    again = not is_first and silences < 2 and time.monotonic() < until + CONNECT_S / 2
                else:
                    again = time.monotonic() < until and _may_pass(error, is_first)
                if not again:
                    raise explain_connection(error, self.bound) from error
            time.sleep(pause_s * random.uniform(0.5, 1))
            pause_s *= 2

    def _tried(self) -> SshFilesystem:
        connection = SshFilesystem(self.bound.host, self.bound.port, self.bound.user or None)
        self.bound = self.bound._replace(user=str(connection.user))
        try:
            connection.run(connection.probe())
        except CONNECTING_FAILURES as error:
            is_lost = not isinstance(error, (*BROKEN, *SILENT)) and connection.run(connection.is_lost())
            connection.abort()
            if is_lost:  # it looks like a server that gives no channel
                raise asyncssh.ConnectionLost(str(error)) from error
            raise
        return connection


def _may_pass(error: BaseException, is_first: bool) -> bool:
    if is_first:
        return isinstance(error, BROKEN) and not isinstance(error, ConnectionRefusedError)
    return not isinstance(error, UNKNOWN)
