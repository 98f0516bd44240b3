"""How far work has come: a bar on a terminal after half a second, a plain line every 30 s in CI, else nothing."""

import os
import sys
import time
from importlib import import_module
from typing import Any, NamedTuple

from track.cli import render, terminal
from track.progress import Progress, silent

FIRST_S = 0.5
REDRAW_S = 0.1
CI_LINE_S = 30.0


class Standing(NamedTuple):
    """One piece of work and how much of it is done; totals are 0 where they are not known."""

    what: str
    done_bytes: int
    total_bytes: int
    done_count: int
    total_count: int
    elapsed_s: float

    def text(self, *, shows_count: bool = True) -> str:
        """One line: what, how much of how much, how fast, and how long still; bytes alone where those are known."""
        parts = []
        if (self.done_count or self.total_count) and (shows_count or not self.total_bytes):
            parts.append(f"{self.done_count:,}" + (f" of {self.total_count:,}" if self.total_count else ""))
        if self.done_bytes or self.total_bytes:
            total = f" of {render.size_text(self.total_bytes)}" if self.total_bytes else ""
            parts.append(render.size_text(self.done_bytes) + total)
            if self.elapsed_s > 0:
                parts.append(f"{render.size_text(int(self.done_bytes / self.elapsed_s))}/s")
        if self.left_s() is not None:
            parts.append(f"{render.duration_text(self.left_s() or 0.0)} left")
        return f"{self.what}: {', '.join(parts)}" if parts else self.what

    def left_s(self) -> float | None:
        """Seconds still to go at the rate so far, if a total is known and something is done."""
        for done, total in ((self.done_bytes, self.total_bytes), (self.done_count, self.total_count)):
            if total and done:
                return max(0.0, self.elapsed_s * (total - done) / done)
        return None


class Meter:
    """Progress that draws on stderr: `draw_bar` on a terminal, else a line every 30 s."""

    def __init__(self, *, draw_bar: bool) -> None:
        self._draw_bar = draw_bar
        self._bar: Any = None
        self._work: tuple[str, int, int] | None = None
        self._size_bytes = self._count = 0
        self._began = self._next = 0.0

    def begin(self, what: str, *, size_bytes: int = 0, count: int = 0) -> None:
        """Work named `what` begins; nothing is drawn yet."""
        self.end()
        self._work = (what, size_bytes, count)
        self._size_bytes = self._count = 0
        self._began = time.monotonic()
        self._next = self._began + (FIRST_S if self._draw_bar else CI_LINE_S)

    def advance(self, *, size_bytes: int = 0, count: int = 0) -> None:
        """So much more is done; draws at most ten times a second."""
        self._size_bytes += size_bytes
        self._count += count
        now = time.monotonic()
        if now >= self._next and self._work is not None:
            self._draw(now)

    def end(self) -> None:
        """The work is over; a bar goes, lines stay."""
        self._work = None
        self.clear()

    def clear(self) -> None:
        """Take the bar off the screen; it comes back with the next step."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
            terminal.on_clear(None)

    def _draw(self, now: float) -> None:
        what, total_bytes, total_count = self._work or ("", 0, 0)
        standing = Standing(what, self._size_bytes, total_bytes, self._count, total_count, now - self._began)
        if not self._draw_bar:
            self._next = now + CI_LINE_S
            terminal.note(standing.text())
            return
        self._next = now + REDRAW_S
        if self._bar is None:
            self._bar = import_module("track.cli.bars").Bar()
            terminal.on_clear(self.clear)
        self._bar.show(standing)


def meter() -> Progress:
    """The Progress that suits where stderr goes."""
    if terminal.settings().quiet:
        return silent
    if sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb":
        return Meter(draw_bar=True)
    return Meter(draw_bar=False) if os.environ.get("CI") else silent
