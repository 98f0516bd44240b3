"""The handler that makes events of a run of what the module `logging` is told."""

import logging
from contextlib import suppress
from datetime import UTC, datetime

from track.api.run import Run
from track.api.tolerance import LOGGER
from track.errors import UsageError
from track.model.names import told


class LogHandler(logging.Handler):
    """Logs records to a run: `logging.getLogger().addHandler(track.LogHandler(run))`.

    Its level and formatter count as for any handler. What track itself says is left out, and nothing that goes wrong
    here reaches the program.

    >>> logger = logging.getLogger("training")
    >>> logger.addHandler(track.LogHandler(run))
    >>> logger.warning("the loss rises")
    >>> run.close()
    True
    >>> [event.text for event in track.Client().get_events(run.id)]
    ['the loss rises']
    """

    def __init__(self, run: Run, level: int = logging.NOTSET) -> None:
        """A handler that logs to `run` what has this level or more.

        Raises:
            UsageError: the level is none, or the run is no `track.Run`.
        """
        if not isinstance(run, Run):
            raise UsageError(f"not a run: {told(run)}", hint="run = track.Run(); run.init(); LogHandler(run)")
        if isinstance(level, bool) or not isinstance(level, int | str):
            raise UsageError(f"not a level: {told(level)}", hint="logging.INFO, or another one")
        try:
            super().__init__(level)
        except ValueError as error:
            raise UsageError(f"not a level: {told(level)}", hint="logging.INFO, or another one") from error
        self._run = run

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record, with the time at which it was made. Raises nothing."""
        if record.name == LOGGER.name or record.name.startswith(f"{LOGGER.name}."):
            return
        with suppress(Exception):
            self._run.log_event(self.format(record), timestamp=datetime.fromtimestamp(record.created, UTC))
