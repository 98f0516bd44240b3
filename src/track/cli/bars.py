"""A progress bar on stderr, drawn with rich; loaded only when one is drawn."""

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from track.cli import terminal
from track.cli.meter import Standing

_WIDTH, _NARROW = 24, 8
"""Columns of the bar itself, and as few as it may have, so that the time left is still to be seen."""


class Bar:
    """One line that redraws itself when told to; no thread of its own, so that workers may be forked beside it."""

    def __init__(self) -> None:
        color = terminal.settings().color
        console = Console(stderr=True, no_color=color == "never" or None, highlight=False)
        self._console = console
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()

    def show(self, standing: Standing) -> None:
        """Draw how far the work is."""
        done, total = standing.done_bytes, standing.total_bytes
        if not total:
            done, total = standing.done_count, standing.total_count
        line = Table.grid(padding=(0, 1))
        room = self._console.width - 2  # the last column, and a space between
        text = standing.text()
        if len(text) > room - _NARROW:
            text = standing.text(shows_count=False)
        width = max(_NARROW, min(_WIDTH, room - len(text)))
        bar = ProgressBar(
            total=total or None, completed=done, width=width, pulse=not total, animation_time=standing.elapsed_s
        )
        line.add_row(bar, Text(text, no_wrap=True, overflow="ellipsis"))
        self._live.update(line, refresh=True)

    def close(self) -> None:
        """Erase the line."""
        self._live.stop()
